"""Several models behind one engine: queueing, swapping and background downloads."""
