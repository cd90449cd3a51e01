"""When an hour, day or month of spending begins and ends, in UTC."""

from datetime import datetime, timedelta


def start_of(window: str, moment: datetime) -> datetime:
    """The beginning of the window that `moment`, in UTC, lies in."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    if window == "hour":
        return hour
    return hour.replace(hour=0) if window == "day" else hour.replace(hour=0, day=1)


def end_of(window: str, start: datetime) -> datetime:
    """The beginning of the next window."""
    length = {"hour": timedelta(hours=1), "day": timedelta(days=1), "month": timedelta(days=31)}[window]
    return start_of(window, start + length)
