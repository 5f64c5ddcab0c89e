"""Where readings are kept; `port` says what every store can do."""
