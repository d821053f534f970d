"""Conversations about what was drawn: questions, replies, and examples that join the two."""
