"""One file a hazard: pure functions from readings, observations and time to conditions."""
