"""The files beside the conversation: uploads, pages, frames."""
