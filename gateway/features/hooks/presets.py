"""What the services that people chat in need of a hook: how they sign, what they send, where the answer goes. Pure."""

import json
from copy import deepcopy
from typing import Any

from gateway.core.errors import Invalid

from .requests import Received
from .schemas import ACTION, HookIn, VerifyOptions

PRESETS: dict[str, dict[str, Any]] = {
    "slack": {
        "verify": "slack",
        # What a bot says, the gateway's own answers among it, is not for the gateway.
        "condition": "{{ not (body.event.bot_id | default(false)) }}",
        "action": {
            "kind": "chat_turn",
            "text": "{{ body.event.text | default(body.text) }}",
            "chat": "slack {{ body.event.channel | default(body.channel_id) | default('') }}",
            "reply": {
                "format": "slack",
                "url": "{{ body.response_url | default('') }}",
                "through": {
                    "channel": "{{ body.event.channel | default(body.channel_id) | default('') }}",
                    "thread": "{{ body.event.thread_ts | default('') }}",
                },
            },
        },
    },
    "discord": {
        "verify": "discord",
        "action": {
            "kind": "chat_turn",
            "text": "{{ body.data.options | default([]) | map('value') | join(' ') or body.data.name }}",
            "chat": "discord {{ body.channel_id | default('') }}",
            "reply": {
                "format": "discord",
                "url": "https://discord.com/api/v10/webhooks/{{ body.application_id }}/{{ body.token }}"
                       "/messages/@original",
            },
        },
    },
    "mattermost": {
        "verify": "token",
        "verify_options": {"field": "token"},
        "action": {
            "kind": "chat_turn",
            "text": "{{ body.text }}",
            "chat": "mattermost {{ body.channel_id | default('') }}",
            "reply": {
                "format": "mattermost",
                "url": "{{ body.response_url | default('') }}",
                "through": {"channel": "{{ body.channel_id | default('') }}"},
            },
        },
    },
    "matrix": {
        "verify": "token",
        "verify_options": {"header": "X-Matrix-Hookshot-Token", "delivery_header": "X-Matrix-Hookshot-EventId"},
        "condition": "{{ body.content.msgtype | default('m.text') == 'm.text' }}",
        "action": {
            "kind": "chat_turn",
            "text": "{{ body.content.body | default(body.text) }}",
            "chat": "matrix {{ headers['X-Matrix-Hookshot-RoomId'] | default('') }}",
            "reply": {
                "format": "json",
                "url": "{{ body.response_url | default('') }}",
                "through": {"channel": "{{ headers['X-Matrix-Hookshot-RoomId'] | default('') }}"},
            },
        },
    },
}  # fmt: skip
"""Ready-made verification and action, by the service's name."""

WORKING = "I am working on it."


def filled_in(wish: HookIn) -> HookIn:
    """The wish, with what its preset knows in place of what is absent. Raises Invalid."""
    preset = deepcopy(PRESETS.get(wish.preset or "", {}))
    reply = preset.get("action", {}).get("reply", {})
    if wish.connector_id is None:
        reply.pop("through", None)
    elif "through" not in reply:
        raise Invalid.field("connector_id", f"every request of {wish.preset} says where to answer; leave it out")
    else:
        reply["through"]["connector_id"] = wish.connector_id
    changes: dict[str, Any] = {}
    for name, shaped in (("verify", str), ("condition", str), ("verify_options", VerifyOptions.model_validate),
                         ("action", ACTION.validate_python)):  # fmt: skip
        if name in preset and getattr(wish, name) is None:
            changes[name] = shaped(preset[name])
    return wish.model_copy(update=changes)


def challenge(kind: str, received: Received, body: Any) -> dict[str, Any] | None:
    """What a service wants to hear when it only asks whether somebody is there; None for anything else."""
    if not isinstance(body, dict):
        return None
    if kind == "slack" and body.get("type") == "url_verification":
        return {"challenge": str(body.get("challenge", ""))[:1000]}
    if kind == "github" and received.headers.get("x-github-event") == "ping":
        return {"status": "pong"}
    if kind == "discord" and body.get("type") == 1:
        return {"type": 1}
    return None


def receipt(format_: str | None, *, is_command: bool) -> dict[str, Any] | None:
    """What a service is told at once, in its own shape; None for one that takes the gateway's own.

    `is_command`: somebody waits for a word, as after a slash command.
    """
    if format_ == "discord":
        return {"type": 5}
    if format_ == "slack":
        return {"response_type": "ephemeral", "text": WORKING} if is_command else {}
    return {"text": WORKING} if format_ == "mattermost" else None


def message(format_: str, text: str) -> tuple[str, bytes]:
    """The method and the body that bring an answer to a service."""
    shapes: dict[str, tuple[str, dict[str, Any]]] = {
        "slack": ("POST", {"response_type": "in_channel", "text": text[:40_000]}),
        "mattermost": ("POST", {"response_type": "in_channel", "text": text[:16_000]}),
        "discord": ("PATCH", {"content": text[:2000], "allowed_mentions": {"parse": []}}),
        "json": ("POST", {"text": text}),
    }
    method, body = shapes[format_]
    return method, json.dumps(body).encode()
