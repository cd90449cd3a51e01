"""What a user may do, as plain values: grants by roles, rules that allow or deny, and how far each of them goes."""

import ipaddress
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import cached_property, lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

Scope = Literal["own", "all"]


@dataclass(frozen=True, slots=True)
class Role:
    """A name for a set of actions. `reach` says on what, when given at system scope: the holder's own, or all.

    `own_actions` are given besides, on what the holder owns and nothing else, wherever the role is given.
    """

    name: str
    actions: tuple[str, ...]
    reach: Scope
    description: str = ""
    own_actions: tuple[str, ...] = ()


_MEMBER = (
    "tasks.*", "agents.*", "questions.*", "runs.*", "artifacts.*", "projects.*", "models.*", "events.*", "threads.*",
    "sessions.*", "transcripts.read", "transcripts.write",
    "retention_policies.*", "processes.*", "schedules.*",
    "destinations.*", "subscriptions.*", "deliveries.*",
    "connectors.*",
    "preferences.read", "preferences.write", "preferences.delete", "spend_limits.read", "audit.read",
    "audit.export", "credentials.create", "credentials.read", "credentials.update", "credentials.rotate",
    "credentials.disable", "credentials.enable", "credentials.delete", "credentials.use",
    "credentials.read_keys", "providers.read",
    "hooks.read", "hooks.create", "hooks.update", "hooks.delete", "hooks.rotate", "hooks.test", "hooks.replay",
    "capabilities.read", "queue.read", "access.explain", "access.read_actions", "self.*",
    "conformance.*",
)  # fmt: skip

BUILT_IN: dict[str, Role] = {
    role.name: role
    for role in (
        Role("owner", ("*",), "all", "Everything, the other owners included"),
        Role("admin", ("*",), "all", "Everything but what belongs to an owner: accounts, master key"),
        Role(
            "operator",
            (
                "*.read", "audit.*", "tasks.*", "agents.*", "questions.*", "runs.*", "artifacts.*", "projects.*",
                "processes.*", "schedules.*", "nodes.*", "sessions.*", "transcripts.write",
                "models.*", "events.*", "access.explain", "access.read_actions", "self.*",
                "conformance.*",
            ),
            "all",
            "Keeps the work going, whoever started it",
            own_actions=_MEMBER,
        ),
        Role("member", _MEMBER, "own", "Works on tasks of their own"),
        Role(
            "viewer",
            (
                "tasks.read", "runs.read", "artifacts.read", "projects.read", "models.read", "events.read",
                "threads.read", "agents.read", "questions.read", "preferences.read", "audit.read",
                "connectors.read", "schedules.read", "sessions.read", "transcripts.read",
                "providers.read", "capabilities.read", "retention_policies.read", "processes.read",
                "destinations.read", "subscriptions.read", "deliveries.read",
                "queue.read", "access.explain", "access.read_actions", "self.*",
            ),
            "own",
            "Looks on",
        ),
    )
}  # fmt: skip
"""The roles that every installation has (docs/access.md)."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that somebody holds: for the whole system, or in one project. `group` is through which group, if any."""

    role: Role
    project_id: uuid.UUID | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Selector:
    """What a rule is about. All None: everything. `project_id` takes in the project and all that lies in it."""

    kind: str | None = None
    id: str | None = None
    project_id: uuid.UUID | None = None

    @property
    def is_broad(self) -> bool:
        """Whether it takes in whole kinds, not single things or projects."""
        return self.id is None and self.project_id is None

    def __str__(self) -> str:
        if self.project_id is not None:
            return f"project/{self.project_id}"
        return "/".join(part for part in (self.kind, self.id) if part is not None) or "*"


@dataclass(frozen=True, slots=True)
class Conditions:
    """When a rule holds; all of them together. An empty tuple and None ask for nothing.

    `own` limits the rule to what the caller owns (True) or does not own (False).
    """

    via: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    own: bool | None = None
    after: time | None = None
    before: time | None = None
    weekdays: tuple[int, ...] = ()
    time_zone: str = "UTC"

    def hold(self, via: str, through: str, address: str | None, moment: datetime) -> bool:
        """Whether all but `own` holds for a request of that kind, from there, then.

        A condition about tokens also holds for who acts `through` something with one: a way is added, not replaced.
        """
        if self.via and via not in self.via and through not in self.via:
            return False
        if self.addresses and not (address and _is_within(address, self.addresses)):
            return False
        if self.after is None and self.before is None and not self.weekdays:
            return True
        local = moment.astimezone(ZoneInfo(self.time_zone))
        if self.weekdays and local.isoweekday() not in self.weekdays:
            return False
        return _is_between(local.time(), self.after or time.min, self.before or time.max)


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy rule that is about the user at hand: directly, through a group or role, or as it is about everyone.

    One about everyone is not `is_personal`: whoever is handed something is bound by it as well.
    """

    id: uuid.UUID
    name: str
    effect: Literal["allow", "deny"]
    action: str
    selector: Selector
    priority: int = 0
    conditions: Conditions = field(default_factory=Conditions)
    is_personal: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """What of a user's rights is about one action, the rules in the order in which they decide.

    `grants` give it on everything in their scope, `own_grants` on what the user owns there.
    """

    grants: tuple[Grant, ...]
    own_grants: tuple[Grant, ...]
    denies: tuple[Rule, ...]
    allows: tuple[Rule, ...]


@dataclass(frozen=True)
class Rights:
    """All that a user may do; made once for each state of the policy, and asked many times."""

    grants: tuple[Grant, ...] = ()
    rules: tuple[Rule, ...] = ()
    groups: tuple[str, ...] = ()

    @cached_property
    def roles(self) -> frozenset[str]:
        """Names of the roles held for the whole system."""
        return frozenset(grant.role.name for grant in self.grants if grant.project_id is None)

    @cached_property
    def _cases(self) -> dict[str, Case]:
        return {}

    def about(self, action: str) -> Case:
        """The part that is about `action`. Found once: actions are a fixed set, named in code."""
        case = self._cases.get(action)
        if case is None:
            found = [rule for rule in self.rules if matches(rule.action, action)]
            rules = sorted(found, key=lambda rule: (-rule.priority, rule.id))
            scopes = [_scope(grant, action) for grant in self.grants]
            case = self._cases[action] = Case(
                tuple(grant for grant, scope in zip(self.grants, scopes, strict=True) if scope == "all"),
                tuple(grant for grant, scope in zip(self.grants, scopes, strict=True) if scope == "own"),
                tuple(rule for rule in rules if rule.effect == "deny"),
                tuple(rule for rule in rules if rule.effect == "allow"),
            )
        return case


def _scope(grant: Grant, action: str) -> Scope | None:
    """On what in its scope a grant gives `action`, if at all. In a project every reach takes in the whole of it."""
    role = grant.role
    if any(matches(glob, action) for glob in role.actions):
        return role.reach if grant.project_id is None else "all"
    return "own" if any(matches(glob, action) for glob in role.own_actions) else None


@lru_cache(maxsize=64)
def of_roles(names: frozenset[str]) -> Rights:
    """The rights of someone who holds just these built-in roles, for the whole system."""
    return Rights(tuple(Grant(BUILT_IN[name]) for name in sorted(names)))


@lru_cache(maxsize=8192)
def matches(glob: str, action: str) -> bool:
    """Whether the action glob takes in `action`; `*` stands for any letters, dots included.

    No regular expression: users write globs, and one with many stars would be tried in ever more ways.
    """
    if "*" not in glob:
        return glob == action
    first, *between, last = glob.split("*")
    at, end = len(first), len(action) - len(last)
    if at > end or not (action.startswith(first) and action.endswith(last)):
        return False
    for part in between:  # where it comes first leaves the most to what follows
        if (found := action.find(part, at, end)) < 0:
            return False
        at = found + len(part)
    return True


def is_reading(action: str) -> bool:
    """Whether the action only looks: `tasks.read`, `access.read_actions`."""
    verb = action.rpartition(".")[2]
    return verb == "read" or verb.startswith("read_")


def is_within_globs(glob: str, wider: Iterable[str]) -> bool:
    """Whether every action that `glob` takes in is taken in by one of `wider`. Never says yes wrongly."""
    return any(other == glob or matches(other, glob) for other in wider)


def overlap(one: str, other: str) -> bool:
    """Whether some action is taken in by both globs."""
    waiting, seen = [(0, 0)], set[tuple[int, int]]()
    while waiting:
        at = i, j = waiting.pop()
        if at in seen or i > len(one) or j > len(other):
            continue
        if i == len(one) and j == len(other):
            return True
        seen.add(at)
        mine, theirs = one[i : i + 1], other[j : j + 1]
        if "*" in (mine, theirs):  # it stands for nothing, or for the other's next letter
            waiting += [(i + 1, j), (i, j + 1)]
        elif mine == theirs:
            waiting.append((i + 1, j + 1))
    return False


@lru_cache(maxsize=4096)
def _is_within(address: str, networks: tuple[str, ...]) -> bool:
    parsed = ipaddress.ip_address(address)
    return any(parsed in ipaddress.ip_network(network, strict=False) for network in networks)


def _is_between(now: time, start: time, end: time) -> bool:
    """Whether `now` lies in the window, which may go past midnight; its end is not part of it."""
    return start <= now < end if start <= end else now >= start or now < end
