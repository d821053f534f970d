"""The conversation: its components, and what its events do."""
