"""The header: status, notices and the choice of a model."""
