"""The catalogue of events: what each tells, as JSON Schema with an example, and how grave it is."""

from dataclasses import dataclass
from typing import Any, Literal

Severity = Literal["info", "warning", "error"]
SEVERITIES: tuple[Severity, ...] = ("info", "warning", "error")

_TEXT = {"type": "string"}
_ID = {"type": "string", "format": "uuid"}
_COUNT = {"type": "integer"}
_AN_ID = "01a2b3c4-d5e6-7890-8abc-def012345678"

_FIELDS: dict[str, tuple[dict[str, Any], Any]] = {
    "attempt": (_COUNT, 1), "criteria": (_COUNT, 3), "event_seq": (_COUNT, 120), "exit_code": (
        {"type": ["integer", "null"]}, 0), "log_seq": (_COUNT, 40), "position": (_COUNT, 0), "round": (_COUNT, 1),
    "running": (_COUNT, 2),
    "rows": (_COUNT, 1200), "artifacts": (_COUNT, 3), "includes_key": ({"type": "boolean"}, False),
    "size": (_COUNT, 2048), "count": (_COUNT, 7), "bytes": (_COUNT, 4096),
    "policy_id": ({"type": ["string", "null"]}, None),
    "version": (_COUNT, 3), "delivered": (_COUNT, 5), "failures": (_COUNT, 1),
    "enabled": ({"type": "boolean"}, True), "attempts": ({}, 1),
    "parent_run_id": ({"type": ["string", "null"]}, None), "parent_session_id": ({"type": ["string", "null"]}, None),
    "session_id": ({"type": ["string", "null"]}, _AN_ID),
    **dict.fromkeys(
        ("id", "uid", "rows", "artifacts", "includes_key", "made_at", "trigger", "cause", "depth", "missed", "skipped",
         "late_s", "before", "planned_at", "fired_at", "schedule_count", "schedules", "failures_in_a_row", "output_seq",
         "decision", "connector", "subject", "sender", "author", "text", "link", "channel", "repository", "event",
         "folder"),
        ({}, None),
    ),
    "is_active": ({"type": "boolean"}, True), "resumed": ({"type": "boolean"}, False),
    "error": ({"type": ["object", "string", "null"]}, None),
    "options": ({"type": "array"}, ["yes", "no"]), "failed": ({"type": "array"}, []), "value": ({}, 30),
    "steps": ({}, 12), "scope_id": ({"type": ["string", "null"]}, None), "model": ({"type": ["string", "null"]},
        "local/smollm2-135m"), "reason": ({"type": ["string", "null"]}, None),
    "name": (_TEXT, "nightly-report"), "kind": (_TEXT, "commands"), "status": (_TEXT, "completed"),
    "handle": (_TEXT, "ada"), "title": ({"type": ["string", "null"]}, "Plans"), "filename": (_TEXT, "report.pdf"),
    "slug": (_TEXT, "home"),
}  # fmt: skip
"""What fields of events are, and an example of each. Those that are not named here are ids or texts, by their name."""


@dataclass(frozen=True, slots=True)
class Known:
    """One sort of event: when it happens, the names in its `data`, how grave it is."""

    summary: str
    data: tuple[str, ...] = ()
    severity: Severity = "info"

    def data_schema(self) -> dict[str, Any]:
        """JSON Schema of `data`. More may be added, so nothing is forbidden."""
        return {"type": "object", "properties": {name: _field(name)[0] for name in self.data}}

    def example(self, name: str) -> dict[str, Any]:
        """A whole event of this sort."""
        about_task = name.split(".")[0] in ("task", "run", "job", "agent")
        return {
            "seq": 120, "id": _AN_ID, "name": name, "time": "2026-11-23T19:10:33.718149Z", "actor": "ada",
            "task_id": _AN_ID if about_task else None, "run_id": _AN_ID if name.startswith(("run.", "job.")) else None,
            "project_id": _AN_ID if about_task else None, "tags": ["nightly"] if about_task else [],
            "data": {field: _field(field)[1] for field in self.data},
        }  # fmt: skip


def _field(name: str) -> tuple[dict[str, Any], Any]:
    return _FIELDS.get(name) or ((_ID, _AN_ID) if name.endswith("_id") else (_TEXT, name))


def _known(lines: str) -> dict[str, Known]:
    """Reads lines of `name | summary | data | severity`."""
    found = {}
    for line in lines.strip().splitlines():
        name, summary, data, *severity = (part.strip() for part in line.split("|"))
        found[name] = Known(summary, tuple(data.split()), severity[0] if severity else "info")  # type: ignore[arg-type]
    return found


EVENTS: dict[str, Known] = _known("""
    thread.created | Chat begun | thread_id title
    thread.updated | Chat changed | thread_id title
    thread.deleted | Chat deleted | thread_id title
    message.created | Message added | thread_id message_id role status model
    message.completed | Answer ended | thread_id message_id role status model
    task.created | Task created | name kind status error
    task.updated | Task updated | name kind status error
    task.completed | Task completed | name kind status error
    task.failed | Task failed | name kind status error | error
    task.canceled | Task canceled | name kind status error | warning
    task.deleted | Task deleted | name
    run.created | Run recorded | run_id kind name status attempt session_id parent_run_id
    run.updated | Run changed | run_id kind name status attempt session_id parent_run_id
    run.started | Run started | run_id attempt
    run.completed | Run completed | run_id attempt
    run.failed | Run failed | run_id attempt | error
    run.canceled | Run canceled | run_id attempt | warning
    job.started | Job started | run_id job_id position
    job.progress | Job wrote to its log | run_id log_seq
    job.completed | Job completed | run_id job_id position exit_code
    job.failed | Job failed | run_id job_id position exit_code | error
    agent.started | Agent started | model tools resumed
    agent.step | Agent took a step | agent kind name status
    agent.sub_agent_spawned | Agent called another | agent task steps
    agent.question_asked | Agent asks | question_id kind question options | warning
    agent.question_answered | Question answered | question_id
    agent.question_withdrawn | Question withdrawn | question_id
    agent.verification_passed | Verification passed | round criteria failed
    agent.verification_failed | Verification failed | round criteria failed | error
    artifact.created | File added | artifact_id filename size
    artifact.deleted | File deleted | artifact_id
    project.created | Project made | slug display_name is_active
    project.updated | Project changed | slug display_name is_active
    project.deleted | Project deleted | slug display_name is_active
    spend_limit.created | Spend limit set |
    spend_limit.updated | Spend limit changed |
    spend_limit.deleted | Spend limit removed |
    retention_policy.created | Retention policy set |
    retention_policy.updated | Retention policy changed |
    retention_policy.deleted | Retention policy removed |
    retention.purged | Old things purged | sort count bytes policy_id
    setting.changed | Setting changed | key value source
    preference.changed | Preference set | scope_type scope_id key version
    preference.deleted | Preference deleted | scope_type scope_id key version
    credential.created | Credential kept | credential_id name kind
    credential.updated | Credential changed | credential_id name kind
    credential.rotated | Credential rotated | credential_id name kind
    credential.disabled | Credential disabled | credential_id name kind | warning
    credential.enabled | Credential enabled | credential_id name kind
    credential.deleted | Credential deleted | credential_id name kind
    master_key.created | Master key made | key_id
    master_key.retired | Master key retired | key_id
    recovery_kit.created | Emergency kit made |
    user.created | Account made | user_id handle
    user.updated | Account changed | user_id handle
    user.enabled | Account enabled | user_id handle
    user.disabled | Account disabled | user_id handle | warning
    user.password_changed | Password changed | user_id handle | warning
    session.created | Session made | session_id title parent_session_id
    session.updated | Session changed | session_id title parent_session_id
    session.closed | Session closed | session_id title parent_session_id
    session.reopened | Session reopened | session_id title parent_session_id
    session.deleted | Session deleted | session_id title parent_session_id
    transcript.added | Transcript grew | segment_id kind session_id
    session.opened | Signed in | session_id kind
    session.ended | Session ended | session_id reason
    token.created | API token made | token_id name
    token.updated | API token renamed | token_id name
    token.revoked | API token revoked | token_id name
    provider.created | Model server added | provider_id name kind
    provider.updated | Model server changed | provider_id name kind
    provider.deleted | Model server removed | provider_id name kind
    model.ready | Model loaded | model
    model.failed | Model could not be loaded | model reason | error
    group.created | Group made | group_id name
    group.updated | Group changed | group_id name
    group.deleted | Group deleted | group_id name
    group.member_added | Group has a new member | group_id name user_id
    group.member_updated | Group member changed | group_id name user_id
    group.member_removed | Group lost a member | group_id name user_id
    role.created | Role made | role_id name
    role.updated | Role changed | role_id name
    role.deleted | Role deleted | role_id name
    role_binding.created | Role given | binding_id role_id
    role_binding.updated | Role binding changed | binding_id role_id
    role_binding.deleted | Role taken away | binding_id role_id
    policy_rule.created | Rule written | rule_id name
    policy_rule.updated | Rule changed | rule_id name
    policy_rule.deleted | Rule deleted | rule_id name
    node.joined | Node joined | node_id name
    node.left | Node left | node_id name | warning
    node.lost | Node lost | node_id name running | error
    node.enabled | Node enabled | node_id name
    node.disabled | Node disabled | node_id name | warning
    node.draining | Node is drained | node_id name
    node.drained | Node has finished | node_id name
    node.refreshed | Node looked anew | node_id name
    node.removed | Node removed | node_id name
    backup.completed | Backup made | file size rows artifacts includes_key
    backup.failed | Backup could not be made | file reason | error
    backup.restored | Restored from a backup | file made_at | warning
    hook.created | Hook made | hook_id name verify enabled
    hook.updated | Hook changed | hook_id name verify enabled
    hook.rotated | Hook has a new secret | hook_id name verify enabled
    hook.deleted | Hook deleted | hook_id name verify enabled
    hook.received | Hook was called | hook_id name request_id
    hook.rejected | Hook turned a request away | hook_id name request_id reason | warning
    hook.failed | Hook failed | hook_id name request_id reason | error
    hook.replied | Hook's answer arrived | hook_id name attempts error
    hook.reply_failed | Hook's answer was given up | hook_id name attempts error | error
    backup.completed | Backup made | file size rows artifacts includes_key
    backup.failed | Backup failed | file reason | error
    backup.restored | Restored from a backup | file made_at | warning
    schedule.created | Schedule made | schedule_id name enabled trigger
    schedule.updated | Schedule changed | schedule_id name enabled trigger
    schedule.enabled | Schedule enabled | schedule_id name enabled trigger
    schedule.disabled | Schedule disabled | schedule_id name enabled trigger | warning
    schedule.deleted | Schedule deleted | schedule_id name enabled trigger
    schedule.fired | Schedule fired | schedule_id name enabled trigger planned_at fired_at late_s cause depth
    schedule.ended | What a schedule had made has ended | schedule_id name enabled trigger result depth
    schedule.skipped | Schedule skipped a time | schedule_id name enabled trigger planned_at cause depth
    schedule.failed | Schedule could not make its task | schedule_id name enabled trigger planned_at reason | error
    schedule.missed | Schedules missed their times | count missed skipped schedule_count schedules | warning
    schedule.probed | Schedule's command exited otherwise | schedule_id name enabled trigger exit_code before
    schedule.failing | Schedule keeps failing | schedule_id name failures_in_a_row reason depth | error
    process.created | Process asked for | process_id name status exit_code output_seq
    process.started | Process started | process_id name status exit_code output_seq
    process.output | Process wrote something | process_id name status exit_code output_seq
    process.ended | Process ended | process_id name status exit_code output_seq
    process.port_opened | Port of a process forwarded | process_id name port local_port
    process.port_closed | Port of a process forwarded no more | process_id name port local_port
    connector.created | Connector installed | connector_id name type
    connector.updated | Connector changed | connector_id name type
    connector.enabled | Connector enabled | connector_id name type
    connector.disabled | Connector disabled | connector_id name type | warning
    connector.deleted | Connector uninstalled | connector_id name type
    connector.stopped | Connector stopped: its credential is refused | connector_id name type reason | error
    connector.credential_created | Connector got a credential | connector_id name type credential_id
    connector.credential_rotated | Connector has a new secret | connector_id name type credential_id
    connector.credential_disabled | Connector credential disabled | connector_id name type credential_id | warning
    connector.credential_revoked | Connector credential revoked | connector_id name type credential_id | warning
    connector.grant_created | Operation lent | connector_id name type grant_id operation
    connector.grant_deleted | Operation taken back | connector_id name type grant_id operation
    connector.operation | Connector operation | connector_id connector type operation_id operation status decision
    connector.mail_received | Mail received | connector_id connector type folder uid subject sender
    connector.message_received | Mentioned in a chat | connector_id connector type channel id author text
    connector.item_received | New entry in a feed | connector_id connector type id title link
    connector.repository_event | Something happened in a repository | connector_id connector type repository id event
    destination.created | Destination added | destination_id name destination_type
    destination.updated | Destination changed | destination_id name destination_type
    destination.deleted | Destination deleted | destination_id name destination_type
    destination.enabled | Destination turned on | destination_id name destination_type
    destination.disabled | Destination turned off | destination_id name destination_type reason | error
    destination.rotated | Destination has a new secret | destination_id name destination_type
    subscription.created | Subscription made | subscription_id destination_id event_pattern
    subscription.updated | Subscription changed | subscription_id destination_id event_pattern
    subscription.deleted | Subscription ended | subscription_id destination_id event_pattern
    delivery.attempted | Messages sent | destination_id delivered failures
    delivery.failed | Message given up | delivery_id destination_id event_name event_seq error | error
""")


def severity_of(name: str) -> Severity:
    """How grave an event is; by its last word where it is not in the catalogue."""
    if name in EVENTS:
        return EVENTS[name].severity
    return "error" if name.endswith("failed") else "warning" if name.endswith(("missed", "disabled")) else "info"


def summary_of(name: str) -> str:
    """An event's name in words."""
    return EVENTS[name].summary if name in EVENTS else name.replace(".", " ").replace("_", " ").capitalize()
