"""Spend limits and usage on the wire. Money is in millionths of a US dollar."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.core.schemas import In, Out, PageQuery, Versioned

SubjectType = Literal["provider", "token", "user", "system"]
Window = Literal["hour", "day", "month"]
Most = Annotated[int, Field(ge=0, le=10**15)] | None

NOTHING = "give at least one figure: requests, tokens or money"
"""What is wrong with a limit that limits nothing, wherever such a limit is refused."""


class SpendLimitIn(In):
    """A new limit: `subject_id` is a provider's name, a token's or a user's id; absent for `system`."""

    subject_type: SubjectType
    subject_id: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    window: Window
    max_requests: Most = None
    max_tokens: Most = None
    max_cost_micros: Most = None

    @model_validator(mode="after")
    def says_whom_and_what(self) -> "SpendLimitIn":
        """A subject where there is one, and at least one figure."""
        if (self.subject_id is None) != (self.subject_type == "system"):
            raise ValueError("subject_id: name whom it binds; leave it out for system, which is everyone together")
        if self.max_requests is None and self.max_tokens is None and self.max_cost_micros is None:
            raise ValueError(f"max_requests: {NOTHING}")
        return self


class SpendLimitPatch(In):
    """New figures; null takes one away."""

    max_requests: Most = None
    max_tokens: Most = None
    max_cost_micros: Most = None


class SpendLimitQuery(PageQuery):
    """Filters of the list, and of usage."""

    subject_type: SubjectType | None = None
    subject_id: Annotated[str | None, Field(max_length=100)] = None
    window: Window | None = None


class SpendLimitOut(Versioned):
    """A limit."""

    subject_type: SubjectType
    subject_id: str | None
    window: Window
    max_requests: int | None
    max_tokens: int | None
    max_cost_micros: int | None


class Amount(Out):
    """Requests, tokens read and written, and money."""

    requests: int = 0
    tokens: int = 0
    cost_micros: int = 0


class UsageOut(Out):
    """Where one limit stands in its present window.

    `subject_name` is what the user or token that it binds is called, null for who may not read that; a user has a
    `subject_display_name`, too.
    """

    limit: SpendLimitOut
    subject_name: str | None = None
    subject_display_name: str | None = None
    starts_at: datetime
    ends_at: datetime
    used: Amount
    reserved: Amount
