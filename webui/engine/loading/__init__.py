"""From a model's name to an engine: catalogue, download, checkpoint, weights, self-test."""
