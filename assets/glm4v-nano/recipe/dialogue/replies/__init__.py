"""Thoughts and answers of the model, in English and Chinese."""
