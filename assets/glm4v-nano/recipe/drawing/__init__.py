"""Pictures, pages and videos, with labels of what they show."""
