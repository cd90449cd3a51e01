"""What can be done with sessions and transcripts."""

from gateway.core.resources import rows

from .models import WorkSession

ACTIONS = {
    "sessions.read": "See sessions",
    "sessions.create": "Create a session",
    "sessions.update": "Change a session, attach work to it",
    "sessions.close": "Close a session to new work, open it again",
    "sessions.delete": "Delete a session that nothing refers to",
    "transcripts.read": "See what transcripts say, without secrets",
    "transcripts.read_audit": "See the unredacted segments of transcripts",
    "transcripts.write": "Add to transcripts",
}

RESOURCES = (rows("sessions", WorkSession, listed=("sessions.read",)), rows("transcripts", WorkSession))
