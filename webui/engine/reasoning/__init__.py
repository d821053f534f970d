"""Split the text of a model into reasoning and content."""
