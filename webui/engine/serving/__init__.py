"""From requests to streams of deltas: the worker thread, the scheduler and the step loop."""
