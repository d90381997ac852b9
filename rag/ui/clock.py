"""Times as the reader's clock shows them."""

from datetime import date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st


def local_time(moment: str) -> str:
    """Return an ISO 8601 time in the reader's time zone, to the minute."""
    try:
        return datetime.fromisoformat(moment).astimezone(_zone()).strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return moment


def local_day(moment: str) -> date:
    """Return the day of an ISO 8601 time in the reader's time zone; the first one if it is none."""
    try:
        return datetime.fromisoformat(moment).astimezone(_zone()).date()
    except ValueError:
        return date.min


def local_today() -> date:
    """Return the day that it is for the reader."""
    return datetime.now(_zone()).date()


def _zone() -> ZoneInfo:
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
