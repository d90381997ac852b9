"""Measurements: speed, memory and quality. Not part of the test suite."""
