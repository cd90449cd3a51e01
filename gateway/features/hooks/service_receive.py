"""What comes of a request to a hook: judged, counted once, acted on in the name of the hook's owner, and kept."""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from gateway.core.clock import new_id, now
from gateway.core.errors import BadRequest, Conflict, Forbidden, GatewayError, NotFound, Unauthenticated
from gateway.core.identity import Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work, unit_of_work

from . import performing, presets, queries, rendering, service, service_replies, wishes
from .flood import Flood
from .models import Hook, HookRequest
from .requests import Received, capabilities, read_body, without_secrets
from .schemas import TrialIn
from .service_owner import NOT_IN_USE, acting
from .verification import Refused, Verified, verify

KEPT = 100
"""Requests that are kept of a hook; those that were rejected are kept apart, so that they push no others out."""
KEPT_REJECTED = 20

UNKNOWN = "There is no such hook."


@dataclass(frozen=True, slots=True)
class Told:
    """What the sender is answered. `is_repeated`: it was answered so before."""

    status: int
    body: dict[str, Any]
    is_repeated: bool = False


@dataclass(frozen=True, slots=True)
class _Known:
    """A request whose sender is known, and for whom the hook acts."""

    hook: Hook
    owner: Actor
    verified: Verified
    received: Received
    kept: Received
    request_id: uuid.UUID

    @property
    def keys(self) -> list[bytes]:
        """What may count once, in an order that all take them in."""
        return sorted(hashlib.sha256(key.encode()).digest() for key in self.verified.keys)


class Inbox:
    """The world's side of the hooks, in one gateway process."""

    def __init__(self, sessions: Callable[[], Session], keys: KeyStore, flood: Flood | None = None) -> None:
        self._sessions = sessions
        self._keys = keys
        self._flood = flood or Flood()

    def receive(self, nobody: Actor, hook_id: uuid.UUID, received: Received, request_id: str | None) -> Told:
        """Judges and acts. Raises NotFound, Unauthenticated, Forbidden, TooMany, and what the action raises."""
        known = self._admit(nobody, hook_id, received, request_id)
        try:
            with unit_of_work(self._sessions, known.owner, request_id=request_id) as work:
                return self._act(work, known)
        except GatewayError as error:
            with unit_of_work(self._sessions, known.owner, request_id=request_id) as work:
                _hold(work, known.hook)
                _keep(work, known, "failed", error.status, reason=error.detail)
                _tell(work, "hook.failed", known.hook, known.request_id, reason=error.detail)
            raise

    def _admit(self, nobody: Actor, hook_id: uuid.UUID, received: Received, request_id: str | None) -> _Known:
        with unit_of_work(self._sessions, nobody, request_id=request_id) as work:
            hook = queries.posted_to(work.session, hook_id)
            if hook is None or not hook.enabled:
                self._flood.count_unknown(received.address)
                raise NotFound(UNKNOWN)
            secrets = service.open_secrets(work, self._keys, hook)
            try:
                verified = verify(hook.verify, hook.verify_options, secrets, received)
            except Refused as refused:
                self._flood.count_rejected(hook.id)
                _reject(work, hook, received, secrets, str(refused))
                failure: GatewayError = Unauthenticated("The request is not signed by who may send it.")
            else:
                owner = acting(work, hook)
                if owner is not None:
                    self._flood.count(hook.id, hook.rate_per_minute)
                    actor = replace(owner, address=received.address)
                    return _Known(hook, actor, verified, received, _to_keep(hook, secrets, received), new_id())
                _reject(work, hook, received, secrets, NOT_IN_USE)
                failure = Forbidden("This hook is not in use.", code="hook_not_in_use")
        raise failure

    def _act(self, work: Work, known: _Known) -> Told:
        hook = known.hook
        _hold(work, hook)
        about = hook.as_resource
        work.record("hooks.receive", about, allowed=True, reason=f"verified by {hook.verify}")
        body = read_body(known.received)
        if (word := presets.challenge(hook.verify, known.received, body)) is not None:
            _keep(work, known, "answered", 200, answer=word)
            return Told(200, word)
        if (before := _claim(work, known)) is not None:
            return before
        context = rendering.context(str(hook.id), hook.name, known.kept, read_body(known.kept))
        if service_replies.is_own(work, hook, body) or not rendering.is_wanted(hook.condition, context):
            told = Told(200, {"status": "ignored", "request_id": str(known.request_id)})
            _keep(work, known, "ignored", told.status, answer=told.body)
        else:
            whole = {**context, "body": body}
            told, task_id = perform(work, self._keys, hook, known.request_id, context, whole)
            _keep(work, known, "accepted", told.status, answer=told.body, task_id=task_id)
            _tell(work, "hook.received", hook, known.request_id, task_id=task_id)
        if known.keys:
            queries.settle(work.session, hook.id, known.keys, known.request_id, told.status, told.body)
        return told


def perform(
    work: Work, keys: KeyStore, hook: Hook, request_id: uuid.UUID, context: Mapping[str, Any], whole: Mapping[str, Any]
) -> tuple[Told, uuid.UUID | None]:
    """Does what the hook is for. `whole` is the context with the addresses that answers go to. Raises GatewayError."""
    made = performing.perform(work, keys, hook, request_id, wishes.filled_in(hook, context), whole)
    plain = {"status": "accepted", "request_id": str(request_id), **{n: str(v) for n, v in made.ids.items()}}
    receipt = presets.receipt(made.format, is_command=made.is_awaited)
    return Told(202 if receipt is None else 200, plain if receipt is None else receipt), made.task_id


def test(work: Work, keys: KeyStore, hook_id: uuid.UUID, wish: TrialIn) -> dict[str, Any]:
    """What the hook makes of a made-up request, and with `run` makes it so. Raises NotFound, Invalid."""
    hook = service.find(work, "hooks.test", hook_id)
    given = wish.model_dump(mode="json", exclude={"run"}, exclude_unset=True)
    sample = {**(hook.sample or {}), **given}
    context = wishes.sample_context(hook, sample)
    if not rendering.is_wanted(hook.condition, context):
        return {"wanted": False, "action": None}
    shown = wishes.filled_in(hook, context).model_dump(mode="json", exclude={"reply"}, exclude_unset=True)
    if not wish.run:
        return {"wanted": True, "action": shown}
    task_id, request_id = _again(work, keys, hook, context, _made_up(sample), None)
    return {"wanted": True, "action": shown, "request_id": request_id, "task_id": task_id}


def replay(work: Work, keys: KeyStore, hook_id: uuid.UUID, request_id: uuid.UUID) -> HookRequest:
    """Acts again on a kept request, with the rights and the action of now. Raises NotFound, Conflict, Invalid."""
    found = service.request(work, hook_id, request_id, "hooks.replay")
    if found.outcome == "rejected":
        raise Conflict("This request was rejected: nobody knows who sent it, so it is not acted on.")
    hook = service.get(work, hook_id)
    received = Received(found.headers, found.query, found.body, found.address, found.received_at)
    context = rendering.context(str(hook.id), hook.name, received, read_body(received))
    if not rendering.is_wanted(hook.condition, context):
        raise Conflict("The hook's condition does not hold for this request, so nothing comes of it.")
    _, new_request = _again(work, keys, hook, context, received, found.id)
    return service.request(work, hook_id, new_request)


def _again(
    work: Work, keys: KeyStore, hook: Hook, context: Mapping[str, Any], received: Received, of: uuid.UUID | None
) -> tuple[uuid.UUID | None, uuid.UUID]:
    """Acts in the name of the hook's owner, whoever asks for it, and keeps the request as a new one."""
    _hold(work, hook)
    owner = acting(work, hook)
    if owner is None:
        raise Forbidden(f"This hook is not in use: {NOT_IN_USE}.", code="hook_not_in_use")
    known = _Known(hook, owner, Verified(()), received, received, new_id())
    asking, work.actor = work.actor, replace(owner, address=work.actor.address)
    try:
        told, task_id = perform(work, keys, hook, known.request_id, context, context)
        _keep(work, known, "accepted", told.status, answer=told.body, task_id=task_id, replay_of=of)
        _tell(work, "hook.received", hook, known.request_id, task_id=task_id)
    finally:
        work.actor = asking
    return task_id, known.request_id


def _made_up(sample: Mapping[str, Any]) -> Received:
    body = json.dumps(sample.get("body")).encode() if sample.get("body") is not None else b""
    headers = {"content-type": "application/json", **(sample.get("headers") or {})}
    return Received(
        {name.lower(): value for name, value in headers.items()}, sample.get("query") or {}, body, None, now()
    )


def _to_keep(hook: Hook, secrets: Sequence[str], received: Received) -> Received:
    """What may be kept of a request: without what its sender is known by, be it right, wrong, or of yesterday."""
    try:
        body = read_body(received)
    except BadRequest:
        body = None
    named, field = hook.verify_options.get("header"), hook.verify_options.get("field")
    sent = body.get(field) if field and isinstance(body, dict) else None
    hidden = [*secrets, *capabilities(body), *([sent] if isinstance(sent, str) and len(sent) >= 8 else [])]
    return without_secrets(received, hidden, [named] if named else [])


def _hold(work: Work, hook: Hook) -> None:
    """Has a hook stay until what came to it is kept. Raises NotFound for one that was deleted in this moment."""
    if not queries.hold(work.session, hook.id):
        raise NotFound(UNKNOWN)


def _claim(work: Work, known: _Known) -> Told | None:
    """Takes the delivery, or returns what it was answered with when it came first."""
    keys, hook_id = known.keys, known.hook.id
    rows = [{"hook_id": hook_id, "key": key, "request_id": known.request_id, "status": 0, "answer": {}} for key in keys]
    if not rows or queries.claim(work.session, rows):
        return None
    before = queries.delivered(work.session, hook_id, keys, but=known.request_id)
    if before is None:
        raise Conflict("The same delivery is being forgotten at this moment; send it again.")
    queries.give_up_claim(work.session, hook_id, keys, known.request_id)
    queries.count_repeat(work.session, before.request_id)
    return Told(before.status, before.answer, is_repeated=True)


def _reject(work: Work, hook: Hook, received: Received, secrets: Sequence[str], reason: str) -> None:
    """Keeps and tells that somebody was turned away."""
    _hold(work, hook)
    about = hook.as_resource
    work.record("hooks.receive", about, allowed=False, reason=reason)
    known = _Known(hook, work.actor, Verified(()), received, _to_keep(hook, secrets, received), new_id())
    _keep(work, known, "rejected", 401, reason=reason)
    _tell(work, "hook.rejected", hook, known.request_id, reason=reason)


def _keep(
    work: Work, known: _Known, outcome: str, status: int, *, reason: str | None = None,
    answer: dict[str, Any] | None = None, task_id: uuid.UUID | None = None, replay_of: uuid.UUID | None = None,
) -> None:  # fmt: skip
    kept = known.kept
    work.session.add(HookRequest(
        id=known.request_id, hook_id=known.hook.id, received_at=kept.at, outcome=outcome, status=status,
        reason=reason, delivery_id=known.verified.delivery_id, address=kept.address, query=dict(kept.query),
        headers=dict(kept.headers), body=kept.body, size=len(known.received.body), answer=answer, task_id=task_id,
        replay_of=replay_of,
    ))  # fmt: skip
    work.session.flush()
    is_rejected = outcome == "rejected"
    kept_count = KEPT_REJECTED if is_rejected else KEPT
    queries.drop_older_requests(work.session, known.hook.id, rejected=is_rejected, kept=kept_count)


def _tell(
    work: Work, name: str, hook: Hook, request_id: uuid.UUID, *, task_id: uuid.UUID | None = None,
    reason: str | None = None,
) -> None:  # fmt: skip
    data: dict[str, Any] = {"hook_id": str(hook.id), "name": hook.name, "request_id": str(request_id)}
    if reason is not None:
        data["reason"] = reason
    work.emit(name, owner_id=hook.owner_id, project_id=hook.project_id, task_id=task_id, data=data)
