"""Questions that a passage seems to answer and does not, written by hand for passages."""
