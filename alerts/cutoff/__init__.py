"""Cutting the power of a port, proved by its current: order → reply → current ≈ 0, else the charger's breaker, else people."""
