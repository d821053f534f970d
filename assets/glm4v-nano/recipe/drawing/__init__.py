"""Pictures, pages and clips, drawn."""
