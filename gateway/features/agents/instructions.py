"""What the agent is told before anything else: what it is, what it may, and what its user prefers."""

import json
from collections.abc import Mapping
from typing import Any

from gateway.features.tasks.service_execution import Plan

from . import trust
from .service import Brief

_WHO = """You are the user's agent. Do what you are asked, and then answer.

Work with your tools: run commands and scripts in the sandbox, read and write files in /workspace (what the user \
attached is in inputs/, what you leave in artifacts/ is handed to them), make and look after tasks. Find out instead \
of guessing, check what you made, and say plainly what did not work. Plan before you act when there are several \
steps. Ask the user only what you cannot find out. Your last message, without a tool call, is the answer."""

_BELOW = "You work for another agent, which sees nothing but your answer: put into it all that it needs."


def of(brief: Brief, plan: Plan, *, is_below: bool = False) -> str:
    """The instructions of an agent with tools."""
    network = "The sandbox has network." if plan.network else "The sandbox has no network."
    criteria = "\n".join(f"- {criterion}" for criterion in brief.criteria)
    held = f"The answer will be held to these criteria:\n{criteria}" if criteria and not is_below else ""
    parts = (_WHO, _BELOW if is_below else "", network, trust.NOTICE, held, wishes(brief.wishes, is_below=is_below))
    return "\n\n".join(part for part in parts if part)


def wishes(values: Mapping[str, Any], *, is_below: bool = False) -> str:
    """What preferences say to an agent, for its instructions; empty where they say nothing."""
    who = "sub_agent" if is_below else "orchestrator"
    context = [
        values[key] for key in ("agents.all.additional_context", f"agents.{who}.additional_context") if values.get(key)
    ]
    told = [
        f"- {key}: {json.dumps(value, ensure_ascii=False)}"
        for key, value in sorted(values.items())
        if value is not None and not key.startswith(("agents.", "security."))
    ]
    parts = ["The user prefers:\n" + "\n".join(told)] if told else []
    return "\n\n".join([*parts, *(str(text) for text in context)])
