"""Questions about what was drawn, and their answers."""
