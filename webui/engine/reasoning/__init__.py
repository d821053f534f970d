"""From a model's text to reasoning and content."""
