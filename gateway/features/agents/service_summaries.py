"""Rules of summaries: which session wants one, what it is made of, and where it goes."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any

from gateway.core.policy import Resource, can
from gateway.core.unit_of_work import Work
from gateway.features.identity import service as identity
from gateway.features.runs import service as runs
from gateway.features.runs import service_external as external
from gateway.features.sessions import service_rest as rest
from gateway.features.sessions import service_transcripts as transcripts
from gateway.features.sessions.service_rest import Rested
from gateway.features.settings import service as settings
from gateway.features.tasks import service as tasks

PATIENCE_S = 300.0
"""How long a model may take; twice that later another node takes the session up."""

MOST = 50
"""Tasks, runs and segments of each sort that a summary looks at: the newest."""

LISTED = 20
"""Lines that tell what was done, in the summary itself."""

PIECE = 800
"""Letters of one answer, error or segment that the model reads."""


@dataclass(frozen=True, slots=True)
class Material:
    """What a summary is made of. `facts` is what the records say; `before` the summary that it goes on from.

    `model` is None where no model is to be asked.
    """

    rested: Rested
    facts: str
    details: list[str]
    before: str | None
    model: str | None


def next_one(work: Work) -> Material | None:
    """The session that has rested longest, handed out; None when there is none, or nothing to tell of it."""
    rest_s: float = settings.value(work, "sessions.rest_s")
    if not rest_s:
        return None
    while (rested := rest.take(work, timedelta(seconds=rest_s), timedelta(seconds=2 * PATIENCE_S))) is not None:
        material = _material(work, rested)
        if material is not None:
            return material
        rest.done(work, rested)
    return None


def keep(work: Work, rested: Rested, text: str, by: str) -> None:
    """Stores a summary, unless its session was deleted meanwhile."""
    if rest.done(work, rested):
        transcripts.summarize(work, rested, text, by, settings.value(work, "sessions.summary_days"))


def _material(work: Work, rested: Rested) -> Material | None:
    if runs.is_at_work(work, rested.id):
        return None  # its end is noted, and begins the rest anew
    worked = tasks.changed_since(work, rested.id, rested.since, MOST)
    ran = external.changed_since(work, rested.id, rested.since, MOST)
    said = transcripts.said_since(work, rested.id, rested.since, MOST)
    if not (worked or ran or said):
        return None
    lines = [_line(task.name, task.status, task.error) for task in worked]
    lines += [_line(run.name, run.status, run.error) for run in ran]
    exchanges = (_exchange(task.name, task.summary, task.output) for task in worked)
    details = [*chain.from_iterable(exchanges), *(f"Said: {text[:PIECE]}" for text in said)]
    before = transcripts.last_summary(work, rested.id)
    return Material(rested, _facts(lines, len(said)), details, before, _model(work, rested))


def _model(work: Work, rested: Rested) -> str | None:
    """The model that the session's owner may use for it, if there is one to be used."""
    name: str = settings.value(work, "sessions.summary_model") or settings.value(work, "chat.default_model")
    owner = identity.present_user(work, rested.owner_id)
    if name == "none" or owner is None:
        return None
    use = Resource("models", name, project_id=rested.project_id)
    return name if can(owner, "models.use", use).allowed else None


def _facts(lines: list[str], said: int) -> str:
    listed = [*lines[-LISTED:]]
    if len(lines) > LISTED:
        listed.insert(0, f"- … and {len(lines) - LISTED} before these")
    if said:
        listed.append(f"- {said} parts of a transcript")
    return "\n".join(listed)


def _line(name: str | None, status: str, error: dict[str, Any] | None) -> str:
    why = f": {error.get('message', '')}" if error else ""
    return f"- {name or 'a run'} – {status}{why}"[:300]


def _exchange(name: str, asked: str, answered: str | None) -> list[str]:
    told = [f"Task {name}, asked: {asked[:PIECE]}"]
    return [*told, f"Task {name}, answered: {answered[-PIECE:]}"] if answered else told
