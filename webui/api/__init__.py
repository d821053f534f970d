"""HTTP in front of the engine, for programs."""
