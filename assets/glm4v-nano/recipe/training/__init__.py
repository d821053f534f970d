"""Datasets, model, optimizers and the training loop."""
