"""Bytes from chargers, sensors and cameras in, durable readings and frames out."""
