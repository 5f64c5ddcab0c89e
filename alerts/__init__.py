"""Readings and observations in, alarms with a full life, notices and their record out."""
