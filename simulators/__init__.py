"""Simulated sheds: wire messages from a scenario and a seed; knows the wire contract and nothing else."""
