"""Proving that an alarm reaches people: a test device's message, followed to each channel's receipt."""
