"""The engine: requests in, deltas out. Knows neither files nor the web."""
