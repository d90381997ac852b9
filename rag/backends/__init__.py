"""Search in an existing distributed engine instead of the files of this machine."""
