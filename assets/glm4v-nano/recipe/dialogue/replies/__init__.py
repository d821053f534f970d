"""What the model thinks and answers, in English and Chinese."""
