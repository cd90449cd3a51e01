"""Policy rules: allow or deny beside the roles."""

import uuid
from collections.abc import Callable
from typing import Any

from sqlalchemy import Select
from sqlalchemy.orm import Session

from gateway.core import policy
from gateway.core.clock import new_id
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.core.policy import Resource
from gateway.core.unit_of_work import Work

from . import queries, service
from .models import Group, PolicyRule
from .schemas import RuleIn, RuleOut, RulePatch, RuleQuery, Subject, SubjectOut, selector_of


def visible(work: Work, wish: RuleQuery) -> Select[PolicyRule]:
    """The rules, to be paged."""
    work.allow("policy_rules.read", Resource("policy_rules"))
    found = queries.rules(effect=wish.effect, action=wish.action, q=wish.q)
    return found.where(queries.seen(work.actor, "policy_rules.read", PolicyRule))


def get(work: Work, rule_id: uuid.UUID, action: str = "policy_rules.read") -> PolicyRule:
    """One rule, for `action`. Raises NotFound."""
    work.allow(action, Resource("policy_rules", rule_id))
    rule = work.session.get(PolicyRule, rule_id)
    if rule is None:
        raise NotFound("There is no such policy rule.")
    return rule


def describe(work: Work, rules: list[PolicyRule]) -> list[RuleOut]:
    """Rules as the wire shows them, with the names of whom they are about as far as the caller may see those."""
    subjects = [_subject_of(rule) for rule in rules]
    wanted = {subject.id for subject in subjects if subject.id is not None}
    names = queries.names_seen(work.session, work.actor, wanted)
    shown = []
    for rule, subject in zip(rules, subjects, strict=True):
        plain = {name: getattr(rule, name) for name in RuleOut.model_fields if not name.startswith("subject")}
        _, name, display_name = (names.get(subject.id) if subject.id else None) or (None, None, None)
        shown.append(RuleOut(**plain, subject=subject, subject_name=name, subject_display_name=display_name))
    return shown


def described(work: Work, rule: PolicyRule) -> RuleOut:
    """One rule as the wire shows it."""
    return describe(work, [rule])[0]


def create(work: Work, wish: RuleIn) -> PolicyRule:
    """A new rule. Raises Invalid, Conflict, and Forbidden for allowing what the caller does not have."""
    work.allow("policy_rules.create", Resource("policy_rules"))
    rule_id = new_id()
    rule = PolicyRule(
        id=rule_id, name=wish.name or f"{wish.effect}-{wish.action}-{rule_id.hex[-6:]}", description=wish.description,
        effect=wish.effect, action=wish.action, resource=wish.resource, priority=wish.priority,
        conditions=wish.conditions.stored(), is_enabled=wish.is_enabled, **_subject(work, wish.subject),
    )  # fmt: skip
    _check(work, rule)
    work.session.add(rule)
    service.changed(work)
    service.keep_an_owner(work)
    work.emit("policy_rule.created", data={"rule_id": str(rule.id), "name": rule.name})
    return rule


def change(work: Work, rule: PolicyRule, patch: RulePatch) -> PolicyRule:
    """Changes a rule, which `get` gave for the action. Raises as `create` does."""
    if patch.model_fields_set - {"name", "description", "priority"}:
        _check_lifts(work, "policy_rules.update", rule)
    for name in patch.model_fields_set:
        value = getattr(patch, name)
        if value is None:
            raise Invalid.field(name, "this cannot be null")
        if name == "subject":
            for column, key in _subject(work, value).items():
                setattr(rule, column, key)
        else:
            setattr(rule, name, value.stored() if name == "conditions" else value)
    with work.session.no_autoflush:
        _check(work, rule)
    service.changed(work)
    service.keep_an_owner(work)
    work.emit("policy_rule.updated", data={"rule_id": str(rule.id), "name": rule.name})
    return rule


def delete(work: Work, rule: PolicyRule) -> None:
    """Deletes a rule, which `get` gave for the action. Raises Forbidden for a deny that is about the caller."""
    _check_lifts(work, "policy_rules.delete", rule)
    work.session.delete(rule)
    service.changed(work)
    work.emit("policy_rule.deleted", data={"rule_id": str(rule.id), "name": rule.name})


def _subject_of(rule: PolicyRule) -> SubjectOut:
    found = [(kind, getattr(rule, f"{kind}_id")) for kind in ("user", "group", "role")]
    kind, key = next(((kind, key) for kind, key in found if key is not None), ("everyone", None))
    return SubjectOut(type=kind, id=key)


def _check_lifts(work: Work, action: str, rule: PolicyRule) -> None:
    if service.is_bound_by(work, [rule.id]):
        work.record(action, Resource("policy_rules", rule.id), allowed=False, reason=service.NOT_LIFTED)
        raise Forbidden(f"That is not allowed: {service.NOT_LIFTED}.")


def _subject(work: Work, wish: Subject) -> dict[str, Any]:
    columns: dict[str, Any] = {"user_id": None, "group_id": None, "role_id": None}
    if wish.id is None:
        return columns
    known: dict[str, Callable[[Session, uuid.UUID], Any]] = {
        "user": queries.user,
        "group": lambda session, key: session.get(Group, key),
        "role": queries.role,
    }
    if known[wish.type](work.session, wish.id) is None:
        raise Invalid.field("subject", f"there is no such {wish.type}")
    return {**columns, f"{wish.type}_id": wish.id}


def _check(work: Work, rule: PolicyRule) -> None:
    same = queries.rules(effect=None, action=None).where(PolicyRule.name == rule.name, PolicyRule.id != rule.id)
    if work.session.scalar(same) is not None:
        raise Conflict(f"There is a rule {rule.name} already.", code="name_taken")
    project_id = selector_of(rule.resource).project_id
    if rule.effect == "allow" and not policy.holds(work.actor, rule.action, project_id):
        raise Forbidden("Nobody allows what they may not do themselves on everything.")
