"""What users ask, in English and Chinese."""
