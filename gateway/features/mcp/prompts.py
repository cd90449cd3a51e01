"""Prompts that a person picks in a client: how to use the tools for what is wanted most."""

from dataclasses import dataclass
from typing import Any

from .protocol import INVALID_PARAMS, Message, RpcError


@dataclass(frozen=True)
class Prompt:
    """A text with places for its arguments (name to what it is)."""

    name: str
    title: str
    arguments: dict[str, str]
    text: str


PROMPTS = (
    Prompt(
        "delegate", "Have a task carried out", {"what": "what is to be done"},
        "Have the gateway do the following with run_task, as a prompt with acceptance criteria that you derive from it."
        " Wait for the result, check it against the criteria, and report.\n\n{what}",
    ),
    Prompt(
        "explain_failure", "Find out why a task failed", {"task_id": "the task's id"},
        "Find out why the task {task_id} failed: read get_task, get_task_result, get_task_history and get_task_logs."
        " Say what happened, why, and what to change; retry it only when asked to.",
    ),
    Prompt(
        "schedule_work", "Have something done regularly", {"what": "what is to be done", "when": "how often, or when"},
        "Make a schedule that does the following {when}. Show the next five times with preview_schedule and ask for"
        " consent before create_schedule.\n\n{what}",
    ),
    Prompt(
        "what_happened", "Sum up what happened lately", {"since": "since when"},
        "Sum up what the gateway did since {since}: list_tasks by status, what failed and why, what waits and for what"
        " (get_queue, list_questions), and what needs a decision.",
    ),
)  # fmt: skip


def listed() -> list[dict[str, Any]]:
    """All prompts."""
    return [
        {
            "name": prompt.name,
            "title": prompt.title,
            "arguments": [
                {"name": name, "description": words, "required": True} for name, words in prompt.arguments.items()
            ],
        }
        for prompt in PROMPTS
    ]


def filled(message: Message) -> dict[str, Any]:
    """A prompt with its arguments in place. Raises RpcError."""
    name = message.text("name")
    prompt = next((prompt for prompt in PROMPTS if prompt.name == name), None)
    if prompt is None:
        raise RpcError(INVALID_PARAMS, f"There is no prompt {name[:80]!r}; prompts/list names them.", to=message.id)
    given = message.params.get("arguments") or {}
    for argument in prompt.arguments:
        value = given.get(argument) if isinstance(given, dict) else None
        if not isinstance(value, str) or not value.strip():
            raise RpcError(INVALID_PARAMS, f"arguments.{argument} is missing; send a string.", to=message.id)
    content = {"type": "text", "text": prompt.text.format(**given)}
    return {"description": prompt.title, "messages": [{"role": "user", "content": content}]}
