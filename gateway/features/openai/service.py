"""What comes before and after a completion: who may use the model, where it is reached, what it may spend."""

import json
import math
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy.exc import IntegrityError

from gateway.adapters.providers.base import ProviderError
from gateway.core.errors import Conflict, GatewayError, Invalid
from gateway.core.policy import Resource
from gateway.core.secrets.redaction import redact_all
from gateway.core.unit_of_work import Work
from gateway.features.agents import service_chat as agent
from gateway.features.chat import service_turns as turns
from gateway.features.chat.service_turns import Place, Turn
from gateway.features.limits import service_spending as spending
from gateway.features.limits.service_spending import LETTERS_A_TOKEN, Call, Reservation
from gateway.features.projects import service as projects
from gateway.features.providers.service_upstream import AGENT, Reached, Upstreams
from gateway.features.settings import service as settings

from .chunks import Tally, figures
from .failures import from_provider

GRACE_S = 60.0
"""How long what a call may spend stays reserved after its time, for it to be settled."""

TRIES = 3
"""How often a call is decided on whose thread was deleted meanwhile."""

Decision = TypeVar("Decision")

DOCUMENTS = "client:documents"
"""The source of what a client has put before a question: what it found in files, or in the web."""


@dataclass(frozen=True, slots=True)
class ChatHeaders:
    """Where a chat belongs, as headers say: a thread and the message before, or the client's own name of the chat."""

    thread_id: str | None = None
    parent_id: str | None = None
    client_chat_id: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A model call as it was asked for; `project` is an id or a slug.

    `text` is what it sends, for estimating what it may spend; None for what spends nothing.
    """

    model: str
    text: str | None
    project: str | None
    lasts_s: float
    secrets: Mapping[str, int] = field(default_factory=dict)
    """How many secrets of each kind were taken out of it."""
    messages: Sequence[dict[str, Any]] = ()
    """What is kept in a chat thread; none where it is no chat."""
    chat: ChatHeaders = ChatHeaders()
    caller: Any = None
    """Who calls, with where their chat goes on (turns.CALLERS); None where that is still to be asked."""


@dataclass(frozen=True, slots=True)
class Admission:
    """A model call that may be made. `wish` is what was asked for, `behind` the PROVIDER/MODEL that answers.

    `reached` is None for a local model that has to be loaded first.
    """

    wish: Wish
    behind: str
    call: Call
    reached: Reached | None
    reservation: Reservation | None
    project_id: uuid.UUID | None
    turn: Turn | None = None
    is_background: bool = False
    """Whether a program asks on its own, for a title, tags or the like."""

    @property
    def model(self) -> str:
        """The model as it was asked for."""
        return self.wish.model

    @property
    def is_local(self) -> bool:
        """Whether the local model answers, loaded or not."""
        return self.reached is None or self.reached.kind == "local"


@dataclass(frozen=True, slots=True)
class Commission:
    """A turn of the agent whose task is made. `prompt_tokens` is what it looks like the messages come to."""

    turn: Turn
    task_id: uuid.UUID
    prompt_tokens: int


def admit(work: Work, upstreams: Upstreams, wish: Wish) -> Admission:
    """Decides on a model call, finds its upstream and reserves what it may spend.

    It may go on while this is committed; nothing of the answer is told before `work.committed`.

    Raises Forbidden, NotFound naming the model or the project, SpendLimitReached, and the errors of `credentials.use`.
    """
    project_id, behind = _allowed(work, wish)
    reached = _reached(work, upstreams, behind)
    token_id = work.actor.credential_id if work.actor.via == "token" else None
    call = Call(
        behind, wish.text or "", work.actor.user_id, token_id, lasts_s=wish.lasts_s + GRACE_S,
        listed=upstreams.price(work, behind),
    )  # fmt: skip
    spends = wish.text is not None and spending.may_be_bound(work)
    reservation = spending.reserve(work, call) if spends else None
    turn = _turn(work, wish, project_id)
    if turn is None or turn.stored is not None:
        work.go_on_meanwhile()  # what stores the answer follows
    is_background = turns.is_background(wish.messages)
    return Admission(wish, behind, call, reached, reservation, project_id, turn, is_background)


def while_deleted(decide: Callable[[Wish], Decision], wish: Wish) -> Decision:
    """What `decide` comes to, which stores it; decided anew where the thread of the turn was deleted before that.

    Raises what `decide` does, and Conflict where threads are deleted as fast as they begin.
    """
    for _ in range(TRIES):
        try:
            return decide(wish)
        except IntegrityError as error:
            if not turns.is_gone(error):
                raise
            wish = replace(wish, caller=None)
    raise Conflict("The chat was deleted at the same moment, several times over; ask again.")


def commission(
    work: Work, upstreams: Upstreams, wish: Wish, told: Sequence[dict[str, Any]], files: Sequence[uuid.UUID],
    pictures: Sequence[str],
) -> Commission:  # fmt: skip
    """Decides on a turn of the agent and makes its task, which meters itself, and has `files` as attachments.

    `told` are the messages as the agent reads them: with the `pictures` among these files, by name.

    Raises what `admit` does but for spending, and what refuses a task: Invalid, TooMany, a preference.
    """
    project_id, behind = _allowed(work, wish)
    _reached(work, upstreams, behind)
    turn = _turn(work, wish, project_id)
    assert turn is not None, "a turn of the agent is one of a chat"
    prompt = turns.words_of(wish.messages[-1])
    sources = [f"file:{name}" for name in pictures]
    if turns.has_documents(wish.messages[-1]):
        sources.append(DOCUMENTS)
    task_id = agent.begin(work, told, prompt, turn.thread_id, turn.project_id, wish.lasts_s, files, sources)
    turns.name_task(work, turn, task_id)
    return Commission(turn, task_id, tokens_of(len(wish.text or "")))


def is_for_agent(body: dict[str, Any]) -> bool:
    """Whether the agent answers what `orchestrator` is asked.

    What only a model by itself can give, and what clients ask for on their own, is for the model behind it.
    """
    shape = body.get("response_format")
    is_shaped = isinstance(shape, dict) and shape.get("type", "text") != "text"
    messages = body["messages"]
    is_said = bool(messages) and messages[-1].get("role") == "user" and bool(messages[-1].get("content"))
    is_plain = not is_shaped and body.get("n") in (None, 1) and not body.get("logprobs")
    return is_said and is_plain and not turns.is_background(messages)


def _allowed(work: Work, wish: Wish) -> tuple[uuid.UUID | None, str]:
    """The project and the PROVIDER/MODEL of a call that its caller may make; what was taken out of it is recorded."""
    project_id = projects.named(work, wish.project).id if wish.project else None
    work.allow("models.use", Resource("models", wish.model, project_id=project_id))
    behind = wish.model
    if wish.model == AGENT:
        behind = settings.value(work, "chat.default_model")
        work.allow("models.use", Resource("models", behind, project_id=project_id))
    if wish.secrets:
        told = ", ".join(f"{count} × {kind}" for kind, count in sorted(wish.secrets.items()))
        work.record(
            "models.use", Resource("models", wish.model, project_id=project_id),
            allowed=True, reason=f"secrets were taken out: {told}",
        )  # fmt: skip
    return project_id, behind


def _reached(work: Work, upstreams: Upstreams, behind: str) -> Reached | None:
    """Where a model is reached; None for a local one that has to be loaded first. Raises GatewayError."""
    try:
        return upstreams.find(work, behind)
    except ProviderError as error:
        if error.code != "not_running":
            raise from_provider(error) from error
        return None


def _turn(work: Work, wish: Wish, project_id: uuid.UUID | None) -> Turn | None:
    """Keeps what was said; titles, tags and the like that clients ask for on their own are no turn of a chat."""
    if not wish.messages or turns.is_background(wish.messages):
        return None
    place = Place(
        project_id, _id("X-Thread-Id", wish.chat.thread_id), wish.chat.client_chat_id,
        _id("X-Parent-Id", wish.chat.parent_id), wish.caller,
    )  # fmt: skip
    return turns.open_turn(work, wish.messages, wish.model, place)


def _id(header: str, text: str | None) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if text else None
    except ValueError as error:
        raise Invalid.field(header, "give an id, as the thread and its messages have them") from error


def settle(work: Work, admission: Admission, tally: Tally, *, is_whole: bool) -> None:
    """Counts what a call has used: as its upstream says, else as it looks; nothing where it did not answer."""
    if admission.reservation is None:
        return
    if (used := figures(tally.usage)) is not None:
        spending.settle(work, admission.reservation, *used)
    elif is_whole or tally.letters:
        spending.settle(work, admission.reservation, *estimated(admission, tally))
    else:
        spending.release(work, admission.reservation)


def keep_answer(
    work: Work, admission: Admission, tally: Tally, failure: GatewayError | None, *, is_whole: bool
) -> None:
    """Stores an answer in its thread, as far as it came."""
    if admission.turn is not None:
        close_turn(work, admission.turn, tally, failure, is_whole=is_whole)


def close_turn(work: Work, turn: Turn, tally: Tally, failure: GatewayError | None, *, is_whole: bool) -> None:
    """Stores how an answer ended."""
    text = "".join(tally.text)
    turns.close_turn(
        work, turn, text=text, status="complete" if is_whole else "cut" if text else "failed",
        finish_reason=tally.finish_reason, usage=tally.usage,
        error={"code": failure.code, "message": failure.detail} if failure is not None else None,
    )  # fmt: skip


def estimated(admission: Admission, tally: Tally) -> tuple[int, int]:
    """Tokens read and written of an answer whose upstream does not count."""
    return admission.call.prompt_tokens, tokens_of(tally.letters)


def tokens_of(letters: int) -> int:
    """Tokens that a text of so many letters looks like."""
    return math.ceil(letters / LETTERS_A_TOKEN)


def without_secrets(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Messages in OpenAI's shape with SECRET_REDACTED in place of each secret, and how many of each kind there were.

    What people and programs have written is searched; ids and names, by which messages refer to each other, stay.
    """
    kinds: Counter[str] = Counter()

    def clean(value: Any) -> Any:
        redacted, found = redact_all(value)
        kinds.update(found)
        return redacted

    cleaned = []
    for message in messages:
        made = {**message, "content": clean(message["content"])} if message.get("content") else message
        if isinstance(message.get("tool_calls"), list):
            made = {**made, "tool_calls": [_clean_call(call, clean) for call in message["tool_calls"]]}
        cleaned.append(made)
    return cleaned, kinds


def _clean_call(call: Any, clean: Callable[[Any], Any]) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not function.get("arguments"):
        return call
    return {**call, "function": {**function, "arguments": clean(function["arguments"])}}


def text_of(body: dict[str, Any]) -> str:
    """What a request sends for a model to read: the text of its messages, and its tools; images are left out."""
    pieces: list[str] = []
    for message in body.get("messages") or ():
        content = message.get("content")
        if isinstance(content, str):
            pieces.append(content)
        elif content:
            pieces += [part["text"] for part in content if isinstance(part.get("text"), str)]
    if body.get("tools"):
        pieces.append(json.dumps(body["tools"]))
    return "\n".join(pieces)
