"""Training examples: conversations with the right thought and answer."""
