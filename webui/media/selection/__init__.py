"""Which pages or frames of a file are chosen, and the size that each gets. Pure."""
