"""The conversation: its components, and what their events do."""
