"""The durable record of every alarm and every transition."""
