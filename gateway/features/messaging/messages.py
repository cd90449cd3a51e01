"""What is said about events: title, text and JSON of one message, plain or by the user's template."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from gateway.adapters.destinations.base import Message, shortened
from gateway.features.events.catalogue import SEVERITIES, severity_of, summary_of

from . import templates

MOST_IN_DIGEST = 200
"""Events that one digest holds in full; of further ones it tells the number."""

LISTED = 20
"""Events that a digest's plain text lists."""

LONGEST_TITLE = 150
LONGEST_VALUE = 300


def compose(
    delivery_id: str, events: Sequence[Mapping[str, Any]], *, count: int, is_digest: bool, template: str | None
) -> Message:
    """The message about `events`, which are some or all of `count`. Raises TemplateError."""
    first = events[0]
    severity = max((severity_of(event["name"]) for event in events), key=SEVERITIES.index)
    title = f"{count} events" if is_digest else title_of(first)
    name = "digest" if is_digest else first["name"]
    data = {"count": count, "events": list(events)} if is_digest else dict(first)
    text = "\n".join(lines_of(events, count)) if is_digest else text_of(first)
    body = None
    if template is not None:
        values = {"event": first, "events": list(events), "count": count, "title": title, "severity": severity}
        text = body = templates.render(template, values)
    return Message(
        id=delivery_id, name=name, severity=severity, title=shortened(title, LONGEST_TITLE), text=text or title,
        time=datetime.fromisoformat(events[-1]["time"]), body=body,
        payload={"type": name, "timestamp": events[-1]["time"], "data": data},
    )  # fmt: skip


def title_of(event: Mapping[str, Any]) -> str:
    """One line: what happened, and to what."""
    data = event["data"]
    subject = next((data[field] for field in SUBJECTS if isinstance(data.get(field), str) and data[field]), None)
    return summary_of(event["name"]) + (f": {' '.join(subject.split())}" if subject else "")


SUBJECTS = ("name", "title", "display_name", "filename", "question", "event_name", "handle", "key", "model")
"""Fields that say what an event is about, the most telling first."""


def text_of(event: Mapping[str, Any]) -> str:
    """A line for each thing that an event tells."""
    told = {"time": event["time"], "by": event["actor"], "tags": ", ".join(event["tags"]), **event["data"]}
    told |= {name: event[name] for name in ("task_id", "project_id") if event.get(name)}
    return "\n".join(f"{name}: {_short(value)}" for name, value in told.items() if value not in (None, "", []))


def lines_of(events: Sequence[Mapping[str, Any]], count: int) -> list[str]:
    """A line for each event of a digest, as far as there is room."""
    lines = [f"{event['time'][11:19]} {title_of(event)}" for event in events[:LISTED]]
    return [*lines, f"… and {count - len(lines)} more"] if count > len(lines) else lines


def _short(value: Any) -> str:
    if isinstance(value, Mapping) and isinstance(value.get("message"), str):
        value = value["message"]
    return shortened(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), LONGEST_VALUE)
