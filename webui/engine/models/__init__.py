"""The model families, a folder each, and the layers that they share."""
