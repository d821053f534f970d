"""Child processes with limits, and the server that forks them."""
