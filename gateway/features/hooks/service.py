"""Rules of hooks: who may make and change them, and their secrets, which come out to verify and never to be shown."""

import base64
import secrets as randoms
import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select

from gateway.core.clock import new_id, now
from gateway.core.errors import Forbidden, Invalid, NotFound
from gateway.core.policy import Resource
from gateway.core.secrets import crypto, envelope
from gateway.core.secrets.envelope import Unreadable
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import Work
from gateway.features.credentials import service_keys
from gateway.features.projects import service as projects

from . import curl, presets, queries, service_replies, verification, wishes
from .models import Hook, HookRequest, HookSecret
from .schemas import HookIn, HookPatch, HookQuery, HookWithSecret, RotateIn, SecretState, VerifyOptions
from .service_owner import token_of
from .wishes import AnyAction

MOST_SECRETS = 5
"""Secrets of a hook that hold at once."""


def create(work: Work, keys: KeyStore, wish: HookIn) -> tuple[Hook, str]:
    """A new hook of the caller's with its secret. Raises Invalid naming the field that does not fit."""
    _check_place(work, wish.project_id)
    whole = presets.filled_in(wish)
    assert whole.verify is not None
    assert whole.action is not None
    options = whole.verify_options or VerifyOptions()
    _check_options(whole.verify, options)
    wishes.check(whole.name, whole.action)
    service_replies.check_way(work, whole.action)
    hook = Hook(
        id=new_id(), owner_id=work.actor.user_id, project_id=wish.project_id, name=wish.name,
        description=wish.description, verify=whole.verify,
        verify_options=options.model_dump(mode="json", exclude_unset=True), condition=whole.condition,
        action=whole.action.model_dump(mode="json", exclude_unset=True),
        sample=wish.sample.model_dump(mode="json") if wish.sample else None, enabled=wish.enabled,
        rate_per_minute=wish.rate_per_minute, by_token=token_of(work),
    )  # fmt: skip
    wishes.try_sample(hook)
    work.session.add(hook)
    work.session.flush()
    secret = _add_secret(work, keys, hook, wish.secret.get_secret_value() if wish.secret else None)
    _tell(work, "hook.created", hook)
    return hook, secret


def visible(work: Work, query: HookQuery) -> Select[Hook]:
    """The hooks the caller may see, to be paged."""
    work.allow("hooks.read", Resource("hooks", listed=True))
    return queries.filtered(work.actor, query)


def get(work: Work, hook_id: uuid.UUID) -> Hook:
    """One hook. Raises NotFound."""
    return find(work, "hooks.read", hook_id)


def for_change(work: Work, hook_id: uuid.UUID) -> Hook:
    """One hook, locked, to be changed. Raises NotFound."""
    return find(work, "hooks.update", hook_id, lock=True)


def change(work: Work, hook: Hook, patch: HookPatch) -> Hook:
    """Changes a hook, as `for_change` gave it. Raises Invalid, Forbidden for what only its owner may change."""
    given = patch.model_fields_set
    if patch.verify_options is not None:
        _check_options(hook.verify, patch.verify_options)
        if patch.verify_options.public_key != hook.verify_options.get("public_key"):
            work.allow("hooks.rotate", hook.as_resource)  # it says who may send, as a secret does
        hook.verify_options = patch.verify_options.model_dump(mode="json", exclude_unset=True)
    if patch.action is not None:
        _change_action(work, hook, patch.action, patch.name or hook.name)
    if "sample" in given:
        hook.sample = patch.sample.model_dump(mode="json") if patch.sample else None
    for name in ("name", "description", "condition", "enabled", "rate_per_minute"):
        if name in given:
            setattr(hook, name, getattr(patch, name))
    if given & {"action", "sample", "condition"}:
        wishes.try_sample(hook)
    work.session.flush()
    _tell(work, "hook.updated", hook)
    return hook


def remove(work: Work, hook_id: uuid.UUID) -> None:
    """Deletes a hook with everything that came to it. Raises NotFound."""
    hook = find(work, "hooks.delete", hook_id, lock=True)
    _tell(work, "hook.deleted", hook)
    work.session.delete(hook)
    work.session.flush()


def rotate(work: Work, keys: KeyStore, hook_id: uuid.UUID, wish: RotateIn) -> tuple[Hook, str]:
    """A new secret; the ones before it hold a while longer, so that the sender can be told. Raises NotFound."""
    hook = find(work, "hooks.rotate", hook_id, lock=True)
    until = now() + timedelta(seconds=wish.overlap_s)
    for number, old in enumerate(queries.secrets(work.session, [hook.id], now())):
        over = until if number < MOST_SECRETS - 1 else now()
        old.expires_at = min(over, old.expires_at) if old.expires_at else over
    secret = _add_secret(work, keys, hook, wish.secret.get_secret_value() if wish.secret else None)
    hook.updated_at = now()
    work.session.flush()
    _tell(work, "hook.rotated", hook)
    return hook, secret


def requests(work: Work, hook_id: uuid.UUID, outcome: str | None) -> Select[HookRequest]:
    """What came to a hook, to be paged. Raises NotFound."""
    return queries.requests(get(work, hook_id).id, outcome)


def request(work: Work, hook_id: uuid.UUID, request_id: uuid.UUID, action: str = "hooks.read") -> HookRequest:
    """One request of a hook, whole. Raises NotFound."""
    found = queries.request(work.session, find(work, action, hook_id).id, request_id)
    if found is None:
        raise NotFound("There is no such request of this hook; only the newest ones are kept.")
    return found


def describe(work: Work, hooks: Sequence[Hook], base_url: str) -> list[dict[str, Any]]:
    """Hooks as the wire shows them."""
    found = queries.secrets(work.session, [hook.id for hook in hooks], now())
    return [
        {
            **{name: getattr(hook, name) for name in HookWithSecret.model_fields if hasattr(hook, name)},
            "secrets": [SecretState.model_validate(secret) for secret in found if secret.hook_id == hook.id],
            "url": f"{base_url}/hooks/{hook.id}",
            "curl": curl.line(hook.verify, hook.verify_options, f"{base_url}/hooks/{hook.id}"),
        }
        for hook in hooks
    ]


def open_secrets(work: Work, keys: KeyStore, hook: Hook) -> list[str]:
    """The live secrets, to verify a request with; one that does not open is left out."""
    opened = []
    for secret in queries.secrets(work.session, [hook.id], now()):
        try:
            place = envelope.place_of(HookSecret.__tablename__, secret.id)
            opened.append(envelope.unseal(keys.get(secret.secret_kid), secret.sealed, place))
        except Unreadable:
            continue
    return opened


def check_still_allowed(work: Work, hook: Hook) -> None:
    """Raises Forbidden or Invalid, as for a new hook, where its owner lost the right to have it where it is."""
    if lost := projects.lost_right(work, hook.owner_id, hook.project_id, "hooks.create")():
        _check_place(work, hook.project_id)
        raise Forbidden(f"Its owner may not have this hook any more: {lost}.")


def find(work: Work, action: str, hook_id: uuid.UUID, *, lock: bool = False) -> Hook:
    """A hook on which the caller may do `action`. Raises NotFound."""
    hook = queries.one(work.session, work.actor, hook_id, lock=lock)
    if hook is None:
        raise NotFound("There is no such hook, or it is not yours.")
    work.allow(action, hook.as_resource)
    return hook


def _check_place(work: Work, project_id: uuid.UUID | None) -> None:
    """Raises Forbidden, and Invalid for a project that cannot take a hook of the caller's."""
    if project_id is not None:
        projects.for_new_work(work, project_id, "hooks.create")
    else:
        work.allow("hooks.create", Resource("hooks", None, work.actor.user_id))


def _change_action(work: Work, hook: Hook, action: AnyAction, name: str) -> None:
    """Nobody but its owner says what is done with the owner's rights."""
    wanted = action.model_dump(mode="json", exclude_unset=True)
    if wanted == hook.action:
        return
    if work.actor.user_id != hook.owner_id:
        raise Forbidden("Only its owner changes what a hook does; make one of your own.")
    wishes.check(name, action)
    service_replies.check_way(work, action)
    hook.action, hook.by_token = wanted, token_of(work)


def _add_secret(work: Work, keys: KeyStore, hook: Hook, given: str | None) -> str:
    secret = given or _new_secret(hook.verify)
    if hook.verify == "standard_webhooks":
        try:
            fits = 16 <= len(verification.standard_key(secret)) <= 64
        except ValueError:
            fits = False
        if not fits:
            raise Invalid.field("secret", "give whsec_ and 24 to 64 bytes in base64, or leave it out")
    secret_id = new_id()
    sealed = service_keys.seal(work, keys, HookSecret.__tablename__, secret_id, secret)
    work.session.add(HookSecret(
        id=secret_id, hook_id=hook.id, secret_ciphertext=sealed.ciphertext, secret_key=sealed.wrapped_key,
        secret_kid=sealed.kid,
    ))  # fmt: skip
    work.session.flush()
    return secret


def _new_secret(verify: str) -> str:
    if verify == "standard_webhooks":
        return f"whsec_{base64.b64encode(randoms.token_bytes(32)).decode()}"
    return crypto.new_secret()


def _check_options(verify: str, options: VerifyOptions) -> None:
    """Raises Invalid for what another kind of verification knows, and for a missing key of Discord."""
    known = {
        "hmac": {"header", "prefix", "algorithm", "encoding", "timestamp_header", "delivery_header", "tolerance_s"},
        "token": {"header", "field", "delivery_header"}, "discord": {"public_key", "tolerance_s"},
        "slack": {"tolerance_s"}, "standard_webhooks": {"tolerance_s"}, "github": set(),
    }[verify]  # fmt: skip
    for name in sorted(options.model_fields_set - known):
        raise Invalid.field(f"verify_options.{name}", f"verification by {verify} does not know it")
    if verify == "discord" and options.public_key is None:
        raise Invalid.field("verify_options.public_key", "give the application's public key, as Discord shows it")


def _tell(work: Work, name: str, hook: Hook) -> None:
    about = {"hook_id": str(hook.id), "name": hook.name, "verify": hook.verify, "enabled": hook.enabled}
    work.emit(name, owner_id=hook.owner_id, project_id=hook.project_id, data=about)
