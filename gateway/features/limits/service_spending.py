"""Spending on model calls: reserved before the call, settled after it with what it really used.

Whoever calls a model for somebody asks here first. Without a limit that binds the call, nothing is written.
"""

import math
import time
import uuid
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert

from gateway.core.clock import new_id, now
from gateway.core.errors import TooMany
from gateway.core.unit_of_work import Work
from gateway.features.settings import service as settings

from . import queries
from .models import SpendLimit, SpendReservation, UsageWindow
from .windows import end_of, start_of

ANSWER_TOKENS = 1000
"""Reserved for an answer, whose length nobody knows before; a longer one is counted in full afterwards."""

KEPT = timedelta(days=62)
"""How long a window is kept after its beginning: twice the longest, for calls that are settled late."""

FRESH_S = 1.0
"""How long a process may not know of the first limit that another one has made."""

MOST_TOLD = 10**9
"""Tokens of one call that are believed: a model's server counts them, below zero or beyond all bounds if it likes."""

LETTERS_A_TOKEN = 3
"""A token of a prompt is this long at least, nearly always: the estimate is rather too high."""


class SpendLimitReached(TooMany):
    """A limit leaves too little for the call; the message names it."""

    title, code = "Spend limit reached", "spend_limit_reached"


Price = tuple[float, float]
"""Dollars that a million tokens cost: those read, and those written."""


class SpendingStopped(SpendLimitReached):
    """`limits.spending_stopped` is on, and the call would cost money."""

    title, code = "Spending stopped", "spending_stopped"


@dataclass(frozen=True, slots=True)
class Call:
    """A model call that is about to be made, and for whom. `model` is PROVIDER/MODEL."""

    model: str
    prompt: str
    user_id: uuid.UUID
    token_id: uuid.UUID | None = None
    run_id: uuid.UUID | None = None
    lasts_s: float = 900.0
    """The reservation is given back when the call is not settled after so long."""
    listed: Price | None = None
    """What the model's server says that it costs."""

    @property
    def provider(self) -> str:
        """The name before the slash."""
        return self.model.partition("/")[0]

    @property
    def prompt_tokens(self) -> int:
        """What the prompt will come to, rather too many than too few."""
        return math.ceil(len(self.prompt) / LETTERS_A_TOKEN)


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a call holds: tokens and money, in each window that a limit counts in."""

    id: uuid.UUID
    call: Call
    tokens: int
    cost_micros: int
    windows: tuple[tuple[uuid.UUID, datetime], ...]


_ARE_LIMITS: dict[Any, tuple[float, bool]] = {}
"""By engine, when it was last looked and whether there was any limit."""


def may_be_bound(work: Work) -> bool:
    """Whether there is any limit, or a stop, as this process knows it: at most a second old, its own changes at once.

    For who makes so many calls that asking for each would cost too much; without any, `reserve` need not be asked.
    """
    engine = work.session.get_bind()
    looked_at, are_any = _ARE_LIMITS.get(engine, (-math.inf, True))
    if time.monotonic() - looked_at > FRESH_S:
        _ARE_LIMITS[engine] = time.monotonic(), are_any  # who asks meanwhile does with what was known
        are_any = queries.are_any(work.session)
        _ARE_LIMITS[engine] = time.monotonic(), are_any
    return are_any or settings.value(work, "limits.spending_stopped")


def forget_whether_bound(work: Work) -> None:
    """A limit was made: whoever calls next looks again."""
    engine = work.session.get_bind()

    def forget() -> None:
        _ARE_LIMITS.pop(engine, None)

    work.after_commit(forget)


def reserve(work: Work, call: Call) -> Reservation | None:
    """Holds what the call may use under every limit that binds it; None when there is no such limit.

    All or nothing: two calls at once never hold the same remainder. Raises SpendLimitReached, SpendingStopped.
    """
    if settings.value(work, "limits.spending_stopped") and _costs_money(work, call):
        raise SpendingStopped(
            f"Spending on models is stopped, and {call.model} costs money; models on this machine still answer. "
            "Whoever may change settings turns limits.spending_stopped off."
        )
    subjects = [("provider", call.provider), ("user", str(call.user_id))]
    if call.token_id is not None:
        subjects.append(("token", str(call.token_id)))
    limits = queries.binding(work.session, subjects)
    if not limits:
        return None
    tokens, moment = call.prompt_tokens + ANSWER_TOKENS, now()
    cost = cost_micros(work, call.model, call.prompt_tokens, ANSWER_TOKENS, call.listed)
    windows = tuple((limit.id, start_of(limit.window, moment)) for limit in limits)
    for limit, (limit_id, starts_at) in zip(limits, windows, strict=True):
        work.session.execute(
            insert(UsageWindow).values(limit_id=limit_id, starts_at=starts_at).on_conflict_do_nothing()
        )
        amount = {"limit_id": limit_id, "starts_at": starts_at, "tokens": tokens, "cost": cost}
        taken: Any = work.session.execute(queries.RESERVE, amount)
        if taken.rowcount == 0:
            raise _reached(limit, end_of(limit.window, starts_at), moment)
    reservation = Reservation(new_id(), call, tokens, cost, windows)
    work.session.add(
        SpendReservation(
            id=reservation.id, run_id=call.run_id, tokens=tokens, cost_micros=cost,
            windows=[[str(limit_id), starts_at.isoformat()] for limit_id, starts_at in windows],
            expires_at=moment + timedelta(seconds=call.lasts_s),
        )
    )  # fmt: skip
    return reservation


def believed(told: int) -> int:
    """Tokens that a server has told, as far as they are believed."""
    return min(max(told, 0), MOST_TOLD)


def settle(work: Work, reservation: Reservation, prompt_tokens: int, completion_tokens: int) -> None:
    """Counts what the call used instead of what it held; also when it took longer than its reservation lived."""
    prompt_tokens, completion_tokens = believed(prompt_tokens), believed(completion_tokens)
    tokens = prompt_tokens + completion_tokens
    call = reservation.call
    cost = cost_micros(work, call.model, prompt_tokens, completion_tokens, call.listed)
    _close(work, reservation, {"requests": 1, "tokens": tokens, "cost": cost})


def keep(work: Work, reservation: Reservation) -> None:
    """Counts what the call held: it was cut off, and nobody knows what it used."""
    _close(work, reservation, {"requests": 1, "tokens": reservation.tokens, "cost": reservation.cost_micros})


def release(work: Work, reservation: Reservation) -> None:
    """Gives back what the call held: it was not answered at all."""
    _close(work, reservation, {"requests": 0, "tokens": 0, "cost": 0})


def give_back_left_behind(work: Work, batch: int) -> int:
    """Gives back what calls hold that are over and never told; returns how many, at most `batch`."""
    found = queries.left_behind(work.session, batch)
    held: defaultdict[tuple[uuid.UUID, datetime], Counter[str]] = defaultdict(Counter)
    for row in found:
        for limit_id, starts_at in row.windows:
            window = held[uuid.UUID(limit_id), datetime.fromisoformat(starts_at)]
            window.update(held=1, held_tokens=row.tokens, held_cost=row.cost_micros)
        work.session.delete(row)
    for limit_id, starts_at in sorted(held):  # calls lock them in this order, too
        where = {"limit_id": limit_id, "starts_at": starts_at}
        amounts = {**held[limit_id, starts_at], "requests": 0, "tokens": 0, "cost": 0}
        work.session.execute(queries.SETTLE, {**where, **amounts})
    work.session.flush()
    return len(found)


def forget_windows(work: Work, batch: int) -> int:
    """Drops windows that began more than KEPT ago; returns how many, at most `batch`."""
    return queries.drop_windows(work.session, now() - KEPT, batch)


def _close(work: Work, reservation: Reservation, used: dict[str, int]) -> None:
    gone: Any = work.session.execute(delete(SpendReservation).where(SpendReservation.id == reservation.id))
    held = gone.rowcount
    amounts = {
        "held": held, "held_tokens": held * reservation.tokens, "held_cost": held * reservation.cost_micros, **used,
    }  # fmt: skip
    for limit_id, starts_at in reservation.windows:
        work.session.execute(queries.SETTLE, {"limit_id": limit_id, "starts_at": starts_at, **amounts})


def cost_micros(work: Work, model: str, prompt_tokens: int, completion_tokens: int, listed: Price | None = None) -> int:
    """Millionths of a dollar: a price of dollars a million tokens is that many millionths a token.

    The setting counts, else what the server has `listed`; what nobody has told is 0.
    """
    read, written = _price(work, model, listed)
    return math.ceil(prompt_tokens * read + completion_tokens * written)


def _price(work: Work, model: str, listed: Price | None) -> Price:
    prices: dict[str, dict[str, float]] = settings.value(work, "providers.prices")
    price = prices.get(model) or prices.get(f"{model.partition('/')[0]}/*")
    return (price["input"], price["output"]) if price is not None else listed or (0, 0)


def _costs_money(work: Work, call: Call) -> bool:
    """Whether it has a price, or its server wants a key: who asks for a key has somebody pay."""
    return any(_price(work, call.model, call.listed)) or queries.wants_key(work.session, call.provider)


def _reached(limit: SpendLimit, ends_at: datetime, moment: datetime) -> SpendLimitReached:
    subject = f"the {limit.subject_type} {limit.subject_id}" if limit.subject_id else "the whole system"
    figures = {"requests": limit.max_requests, "tokens": limit.max_tokens, "cost_micros": limit.max_cost_micros}
    most = ", ".join(f"{figure} {name}" for name, figure in figures.items() if figure is not None)
    wait_s = max(1, math.ceil((ends_at - moment).total_seconds()))
    return SpendLimitReached(
        f"The spend limit of {subject} ({most} a {limit.window}) leaves too little for this call; "
        f"its next {limit.window} begins at {ends_at:%Y-%m-%dT%H:%MZ}.",
        headers={"Retry-After": str(wait_s)},
    )
