"""Summarizes sessions that have come to rest: by a model where one is at hand, else from the records alone."""

import asyncio
import re
from typing import TYPE_CHECKING

import structlog

from gateway.adapters.providers.base import ProviderError
from gateway.core.secrets.redaction import redact
from gateway.core.storable import storable
from gateway.features.limits.service_spending import Call, SpendLimitReached
from gateway.features.settings import service as settings
from gateway.features.tasks.metered import Metered

from . import service_summaries, trust
from .service_summaries import PATIENCE_S, Material

if TYPE_CHECKING:
    from gateway.node.node import Node

log = structlog.get_logger("gateway.agents")

ANSWER_TOKENS = 500

LETTERS_A_TOKEN = 3

MOST_LETTERS = 24_000
"""Letters of what a model reads, whatever its window."""

_FENCE = re.compile(r"^[ \t]*(?:```|<<<[ \t]*(?:END|OUTSIDE)).*\n?", re.MULTILINE | re.IGNORECASE)
"""A line that only fences material in, which small models repeat."""

_TASK = f"""You summarize a session of work for those who come back to it. In at most 120 words of plain prose say \
what was asked, what came of it, what failed and what is still open. Say nothing that the records do not say.

{trust.NOTICE}"""


async def summarize_one(node: "Node") -> bool:
    """Summarizes the session that has rested longest; False when none wants it."""
    material = await node.unit(service_summaries.next_one)
    if material is None:
        return False
    told = await _by_model(node, material)
    text, by = (f"{told}\n\n{material.facts}", str(material.model)) if told else (material.facts, node.actor.handle)
    await node.unit(lambda work: service_summaries.keep(work, material.rested, text, by))
    return True


async def _by_model(node: "Node", material: Material) -> str | None:
    """What a model says; None where there is none, or it does not answer in time."""
    model = material.model
    if model is None or not await node.models.is_at_hand(model):
        return None
    unknown: int = await node.unit(lambda work: settings.value(work, "agents.max_context_tokens"))
    window = node.models.context_size(model) or unknown
    read = redact(_told(material, min(MOST_LETTERS, (window - ANSWER_TOKENS) * LETTERS_A_TOKEN))).text
    messages = [{"role": "system", "content": _TASK}, {"role": "user", "content": read}]
    # Charged to the session's owner and to no token: none has asked for it, and it may tell of the work of many.
    call = Call(
        model, _TASK + read, material.rested.owner_id, token_id=None, lasts_s=PATIENCE_S + 60,
        listed=node.models.price(model),
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S), Metered(node, call) as meter:
            completion = await node.models.complete(
                model, messages, on_text=meter.heard(lambda _: None), on_progress=lambda *_: None,
                max_tokens=ANSWER_TOKENS,
            )  # fmt: skip
            meter.answered(completion)
    except (ProviderError, SpendLimitReached, TimeoutError) as error:
        log.info(
            "a session is summarized without a model", session_id=str(material.rested.id), problem=str(error)[:300]
        )
        return None
    return _FENCE.sub("", storable(completion.text)).strip() or None


def _told(material: Material, letters: int) -> str:
    """The records for the model, the newest of them where there are too many."""
    parts = [f"Session: {material.rested.title}"]
    if material.before is not None:
        parts.append(f"Summary until now:\n{material.before[: letters // 4]}")
    parts.append(f"Since then:\n{material.facts[: letters // 4]}")
    left, kept = letters - sum(map(len, parts)) - 200, list[str]()
    for detail in reversed(material.details):
        left -= len(detail) + 1
        if left < 0:
            break
        kept.insert(0, detail)
    return trust.marked("session", "\n".join([*parts, *kept]))
