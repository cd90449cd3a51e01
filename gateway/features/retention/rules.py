"""What counts for one sort of things: each rule says where it holds and how much of it is kept."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

PROJECT_FIELDS = {
    "tasks": "tasks_days",
    "artifacts": "artifacts_days",
    "logs": "logs_days",
    "transcripts": "transcripts_days",
}
"""What a project itself may say of a sort, in its `retention`."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Holds in `project_id`, or without one everywhere but in `elsewhere`, the projects that have a rule themselves.

    `policy_id` is None for what only the project's own `retention` says.
    """

    sort: str
    policy_id: uuid.UUID | None = None
    project_id: uuid.UUID | None = None
    elsewhere: frozenset[uuid.UUID] = frozenset()
    max_age_days: int | None = None
    max_count: int | None = None
    max_bytes: int | None = None

    @property
    def words(self) -> str:
        """The rule for people."""
        limits = (
            (self.max_age_days, "kept for {:,} days"), (self.max_count, "the newest {:,} are kept"),
            (self.max_bytes, "{:,} bytes are kept"),
        )  # fmt: skip
        where = "this project" if self.project_id else "the system"
        kept = ", ".join(text.format(most) for most, text in limits if most is not None)
        return f"by the retention of {where}, {self.sort} are limited: {kept}"


def in_force(sort: str, policies: Iterable[Any], projects: Mapping[uuid.UUID, Mapping[str, Any]]) -> list[Rule]:
    """The rules of one sort from its enabled policies and from what `projects` say themselves.

    A project's policy and its own `retention` hold together, and the shorter age counts. Both go before the system's.
    """
    own: dict[uuid.UUID, Rule] = {}
    field = PROJECT_FIELDS.get(sort, "")
    for project_id, retention in projects.items():
        if days := retention.get(field):
            own[project_id] = Rule(sort, project_id=project_id, max_age_days=int(days))
    system: list[Rule] = []
    for policy in policies:
        rule = rule_of(policy)
        if rule.project_id is None:
            system.append(rule)
        else:
            ages = [days for days in (rule.max_age_days, _age(own.get(rule.project_id))) if days is not None]
            own[rule.project_id] = replace(rule, max_age_days=min(ages, default=None))
    return [*own.values(), *(replace(rule, elsewhere=frozenset(own)) for rule in system)]


def rule_of(policy: Any) -> Rule:
    """A policy, or a wish for one, as it would hold by itself."""
    return Rule(
        policy.sort, getattr(policy, "id", None), policy.scope_id, frozenset(), policy.max_age_days, policy.max_count,
        policy.max_bytes,
    )  # fmt: skip


def of_share(rule: Rule, share: float) -> Rule:
    """The rule for a share of everything."""
    count, size = (most if most is None else round(most * share) for most in (rule.max_count, rule.max_bytes))
    return replace(rule, max_count=count, max_bytes=size)


def _age(rule: Rule | None) -> int | None:
    return rule.max_age_days if rule else None
