"""Requests to deltas. Knows no file and no web."""
