"""The HTTP API for programs: /v1 in OpenAI's format, and /health."""
