"""The header: status, notices and the choice of models."""
