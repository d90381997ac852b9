"""Which model answers, and which may."""
