"""The model, its batches and its optimizers."""
