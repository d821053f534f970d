"""Files to pixels. Knows no model and no web."""
