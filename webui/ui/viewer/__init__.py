"""The viewer beside the conversation: uploads, pages, frames."""
