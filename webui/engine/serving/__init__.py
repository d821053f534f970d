"""From requests to streams of text: the worker's loop, the scheduler and what stands around them."""
