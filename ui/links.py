"""Links that open a thing in the window, from anywhere: `uag://task/ID`."""

import re
from urllib.parse import unquote, urlsplit

SCHEME = "uag"
THINGS = {
    "task": "/tasks/{}",
    "run": "/runs/{}",
    "session": "/sessions/{}",
    "schedule": "/schedules/{}",
    "chat": "/chat/{}",
    "artifact": "/artifacts?preview={}",
    "connector": "/connectors/{}",
    "hook": "/messaging/hooks/{}",
}
PAGES = (
    "chat", "tasks", "schedules", "sessions", "runs", "artifacts", "connectors", "messaging", "projects", "models",
    "nodes", "credentials", "preferences", "access", "audit", "settings", "api",
)  # fmt: skip
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def path_of(link: str) -> str | None:
    """The console's path for a link, or None where it names nothing: a link comes from outside and is not trusted.

    `uag://THING/ID` opens one thing, `uag://PAGE` a page, `uag://new` the form of a new task, `uag://home` Home.
    """
    try:
        parts = urlsplit(link.strip())
    except ValueError:  # a bracket without its other half, or a letter that stands for several
        return None
    if parts.scheme != SCHEME or parts.query or parts.fragment:
        return None
    thing, id_ = parts.netloc.lower(), unquote(parts.path).strip("/").lower()
    if thing in THINGS and ID.fullmatch(id_):
        return THINGS[thing].format(id_)
    if id_:
        return None
    if thing in PAGES:
        return f"/{thing}"
    return {"new": "/tasks/new", "home": "/"}.get(thing)
