"""Access on the wire (docs/access.md)."""

import ipaddress
import re
import uuid
from datetime import time
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.core.policy import Ground
from gateway.core.rights import Conditions, Selector
from gateway.core.schemas import In, Out, PageQuery, Shape, Versioned

_GLOB = re.compile(r"\*|[a-z_*]{1,40}(\.[a-z_*]{1,40}){0,3}")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_KIND = re.compile(r"[a-z][a-z_]{0,39}")
_SEPARATOR = re.compile(r"[:/]")

Description = Annotated[str, Field(max_length=2000)]
Words = Annotated[str, Field(min_length=1, max_length=120, description="part of name or description")]


def _glob(text: str) -> str:
    if not _GLOB.fullmatch(text):
        raise ValueError("write an action such as tasks.create, tasks.* or *")
    return text


def _name(text: str) -> str:
    text = text.strip().lower()
    if not _NAME.fullmatch(text):
        raise ValueError("use up to 64 letters, digits, dots, dashes and underscores")
    return text


def selector_of(text: str) -> Selector:
    """What `*`, `tasks`, `tasks/ID` or `project/ID` selects. Raises ValueError for anything else."""
    kind, key = _SEPARATOR.split(text, 1) if _SEPARATOR.search(text) else (text, "")
    if text == "*":
        return Selector()
    if kind == "project":
        return Selector(project_id=uuid.UUID(key))
    if not _KIND.fullmatch(kind) or len(key) > 200:
        raise ValueError
    return Selector(kind=kind, id=key if key not in ("", "*") else None)


def _resource(text: str) -> str:
    try:
        return str(selector_of(text))
    except ValueError as error:
        raise ValueError("write *, a kind such as tasks, tasks/ID, or project/ID") from error


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        raise ValueError("write an address or network such as 127.0.0.1 or 10.0.0.0/8") from error


def _zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("there is no such time zone; write one such as Europe/Berlin")
    return name


Glob = Annotated[str, Field(max_length=160), AfterValidator(_glob)]
Name = Annotated[str, Field(max_length=80), AfterValidator(_name)]
ResourceText = Annotated[str, Field(max_length=240), AfterValidator(_resource)]
SubjectType = Literal["user", "group"]
ScopeType = Literal["system", "project"]
Way = Literal["token", "login", "console", "mcp", "agent", "hook"]


class RoleIn(In):
    """A new role; given at system scope, it reaches what its holder owns, or all.

    `own_actions` are given besides, on what the holder owns and nothing else.
    """

    name: Name
    description: Description = ""
    actions: Annotated[list[Glob], Field(min_length=1, max_length=200)]
    reach: Literal["own", "all"] = "own"
    own_actions: Annotated[list[Glob], Field(max_length=200)] = []


class RolePatch(In):
    """Changes to a role that is not built in."""

    name: Name | None = None
    description: Description | None = None
    actions: Annotated[list[Glob], Field(min_length=1, max_length=200)] | None = None
    reach: Literal["own", "all"] | None = None
    own_actions: Annotated[list[Glob], Field(max_length=200)] | None = None


class RoleOut(Versioned):
    """A role."""

    name: str
    description: str
    actions: list[str]
    reach: str
    own_actions: list[str]
    is_builtin: bool


Called = Annotated[uuid.UUID | Annotated[str, Field(max_length=80)], Field(union_mode="left_to_right")]
"""An id or a name."""


class BindingIn(In):
    """A role for a user or a group, everywhere or in one project.

    Who gives one may not be shown users, groups and roles: each is named by its id, or by its name – a user by handle.
    """

    subject_type: SubjectType
    subject_id: Called
    role_id: Called
    scope_type: ScopeType = "system"
    scope_id: uuid.UUID | None = None

    @model_validator(mode="after")
    def scope_is_whole(self) -> "BindingIn":
        """A project has an id, the system has none."""
        if (self.scope_type == "project") != (self.scope_id is not None):
            raise ValueError("scope_id is the project's id for scope_type project, and absent for system")
        return self


class BindingPatch(In):
    """Changes the role of a binding, or where it holds."""

    role_id: uuid.UUID | None = None
    scope_type: ScopeType | None = None
    scope_id: uuid.UUID | None = None


class BindingOut(Versioned):
    """Who holds which role where."""

    subject_type: str
    subject_id: uuid.UUID
    subject_name: str
    role_id: uuid.UUID
    role_name: str
    scope_type: str
    scope_id: uuid.UUID | None
    scope_name: str | None


class BindingQuery(PageQuery):
    """Filters of the bindings."""

    subject_type: SubjectType | None = None
    subject_id: uuid.UUID | None = None
    role_id: uuid.UUID | None = None
    scope_type: ScopeType | None = None
    scope_id: uuid.UUID | None = None


class Subject(In):
    """Whom a rule is about."""

    type: Literal["user", "group", "role", "everyone"]
    id: uuid.UUID | None = None

    @model_validator(mode="after")
    def is_whole(self) -> "Subject":
        """Everyone has no id, all others have one."""
        if (self.type == "everyone") != (self.id is None):
            raise ValueError("name the id of the user, group or role; everyone has none")
        return self


def _subject(given: Any) -> Any:
    """Takes `*`, `everyone` and `user:ID` for the object that they stand for."""
    if not isinstance(given, str):
        return given
    if given in ("*", "everyone"):
        return {"type": "everyone"}
    kind, _, key = given.replace("/", ":", 1).partition(":")
    return {"type": kind, "id": key}


class ConditionsIn(In):
    """When a rule holds: all of them together. `own` is about who owns the thing at hand.

    `via` is what the caller came with, or what a model acts by in their name: an MCP client, the agent.
    """

    via: Annotated[list[Way], Field(max_length=6)] | None = None
    addresses: Annotated[list[Annotated[str, AfterValidator(_network)]], Field(max_length=50)] | None = None
    own: bool | None = None
    after: time | None = None
    before: time | None = None
    weekdays: Annotated[list[Annotated[int, Field(ge=1, le=7)]], Field(max_length=7)] | None = None
    time_zone: Annotated[str, AfterValidator(_zone)] | None = None

    def stored(self) -> dict[str, Any]:
        """What is kept: the conditions that were set."""
        return self.model_dump(mode="json", exclude_none=True)


def conditions_of(stored: dict[str, Any]) -> Conditions:
    """The conditions as the policy knows them."""
    given = ConditionsIn.model_validate(stored)
    return Conditions(
        via=tuple(given.via or ()), addresses=tuple(given.addresses or ()), own=given.own, after=given.after,
        before=given.before, weekdays=tuple(given.weekdays or ()), time_zone=given.time_zone or "UTC",
    )  # fmt: skip


class RuleIn(In):
    """A new rule. A deny beats every allow; among rules of one effect the highest priority is named as deciding."""

    name: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    description: Description = ""
    effect: Literal["allow", "deny"]
    subject: Annotated[Subject, BeforeValidator(_subject)]
    action: Glob
    resource: ResourceText = "*"
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] = 0
    conditions: ConditionsIn = Field(default_factory=ConditionsIn)
    is_enabled: bool = True


class RulePatch(In):
    """Changes to a rule."""

    name: Annotated[str, Field(min_length=1, max_length=120)] | None = None
    description: Description | None = None
    effect: Literal["allow", "deny"] | None = None
    subject: Annotated[Subject, BeforeValidator(_subject)] | None = None
    action: Glob | None = None
    resource: ResourceText | None = None
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None
    conditions: ConditionsIn | None = None
    is_enabled: bool | None = None


class SubjectOut(Out):
    """Whom a rule is about."""

    type: str
    id: uuid.UUID | None


class RuleOut(Versioned):
    """A policy rule, with the name of whom it is about where the caller may see it, a user's handle."""

    name: str
    description: str
    effect: str
    subject: SubjectOut
    subject_name: str | None
    subject_display_name: str | None
    action: str
    resource: str
    priority: int
    conditions: dict[str, Any]
    is_enabled: bool


class RoleQuery(PageQuery):
    """Filters of the roles."""

    q: Words | None = None


class RuleQuery(PageQuery):
    """Filters of the rules."""

    q: Words | None = None
    effect: Literal["allow", "deny"] | None = None
    action: Annotated[str | None, Field(max_length=160)] = None


class ExplainQuery(In):
    """Who, what, on what: `resource` is *, a kind such as tasks, tasks/ID, or project/ID. Without a user: you.

    `token_id` asks about a request with that API token. `project_id` is where something of nobody's is used, such as a
    model, or where what is made shall lie. `operation` is that of a connector, where it is one of its actions.
    """

    user_id: uuid.UUID | None = None
    token_id: uuid.UUID | None = None
    action: Annotated[
        str,
        Field(max_length=120),
        Shape(r"^[a-z_]{1,40}(\.[a-z_]{1,40}){1,3}$", "an action, such as tasks.create"),
    ]
    resource: ResourceText = "*"
    project_id: uuid.UUID | None = None
    operation: Annotated[str | None, Field(min_length=1, max_length=200)] = None


class GrantOut(Out):
    """A role that includes the action; `reach` is on what, within its scope: the user's own, or all."""

    role: str
    actions: list[str]
    own_actions: list[str]
    reach: str
    group: str | None
    scope_type: str
    scope_id: uuid.UUID | None


class MatchingRule(Out):
    """A rule about the user and the action; `holds` is whether its conditions do, now."""

    id: uuid.UUID
    name: str
    effect: str
    action: str
    resource: str
    priority: int
    holds: bool


class Explanation(Out):
    """The decision and what it rests on: `decided_by` says of which sort that is."""

    allowed: bool
    decision: Literal["allow", "deny"]
    reason: str
    decided_by: Ground
    user_id: uuid.UUID
    token_id: uuid.UUID | None
    scopes: list[str] | None
    action: str
    resource: str
    roles: list[str]
    groups: list[str]
    grants: list[GrantOut]
    grant: GrantOut | None
    rule: MatchingRule | None
    rules: list[MatchingRule]


class ActionOut(Out):
    """An action with what it means. Nobody is asked for one that is `recorded_only`, and nothing gives it."""

    action: str
    description: str
    recorded_only: bool


class ActionList(Out):
    """The catalogue of actions."""

    items: list[ActionOut]
