"""x."""

CHECKS: dict[str, tuple[str, str]] = {}
