"""Who may do what, written down a second time: what each route asks for, and what each built-in role gives.

Nothing here is taken from the gateway's own tables, so that a slip in either shows.
"""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Sort = Literal["placed", "personal", "private", "shared", "common", "listed"]
Whose = Literal["own", "foreign", "project"]
Verdict = Literal["allowed", "denied", "hidden", "refused"]

ROLES: dict[str, tuple[str, ...]] = {
    "owner": ("*",),
    "admin": ("*",),
    "operator": (
        "*.read", "processes.*", "tasks.*", "agents.*", "questions.*", "runs.*", "artifacts.*", "projects.*", "nodes.*",
        "models.*", "audit.*", "sessions.*", "transcripts.write", "schedules.*",
        "access.*", "self.*", "conformance.*",
    ),
    "member": (
        "retention_policies.*", "processes.*",
        "tasks.*", "agents.*", "questions.*", "runs.*", "artifacts.*", "projects.*", "threads.*", "credentials.[!cr]*",
        "sessions.*", "transcripts.read", "transcripts.write",
        "connectors.*",
        "schedules.*",
        "credentials.create", "credentials.read", "credentials.read_keys", "credentials.rotate", "preferences.read",
        "preferences.write", "preferences.delete", "spend_limits.read", "audit.read", "audit.export", "events.read",
        "providers.read", "models.*", "capabilities.read", "queue.read", "access.*", "self.*", "hooks.[!r]*",
        "hooks.read", "hooks.rotate", "hooks.replay",
        "destinations.*", "subscriptions.*", "deliveries.*", "conformance.*",
    ),
    "viewer": (
        "retention_policies.read", "processes.read",
        "tasks.read", "agents.read", "questions.read", "runs.read", "artifacts.read", "projects.read", "threads.read",
        "preferences.read", "audit.read", "events.read", "providers.read", "models.read", "capabilities.read",
        "connectors.read", "schedules.read", "queue.read", "sessions.read", "transcripts.read", "access.*", "self.*",
        "destinations.read", "subscriptions.read", "deliveries.read",
    ),
}  # fmt: skip
"""What each role gives. The first three give it on everything, the others on what is the holder's own."""

ON_OWN: dict[str, tuple[str, ...]] = {"operator": ROLES["member"]}
"""What a role gives besides, on what is the holder's own."""

SEES_ALL = {"owner", "admin", "operator"}


@dataclass(frozen=True)
class Need:
    """What a route asks for: `action`, on what sort of thing.

    `sort` is `placed` (has an owner and lies in a project), `personal` (has an owner, lies nowhere), `private`
    (personal, and not even an owner's business), `shared` (is nobody's, lies in a project), `common` (is nobody's, or
    the route is only ever about the caller's own) or `listed` (a filtered list).
    `of_others` is the action that it takes on another user's, where that is a different one.
    """

    action: str
    sort: Sort
    of_others: str | None = None


def _needs(sort: Sort, routes: str) -> dict[str, Need]:
    """Reads lines of `action: endpoint endpoint`."""
    lines = [line.split(": ") for line in routes.strip().splitlines()]
    return {endpoint: Need(action.strip(), sort) for action, endpoints in lines for endpoint in endpoints.split()}


NEEDS: dict[str, Need] = {
    **_needs("placed", """
        tasks.create: tasks.create_task
        schedules.create: schedules.create_schedule
        schedules.read: schedules.get_schedule schedules.list_schedule_runs schedules.list_upcoming
        schedules.update: schedules.patch_schedule schedules.skip_next schedules.unskip
        schedules.enable: schedules.enable_schedule
        schedules.disable: schedules.disable_schedule
        schedules.run: schedules.run_schedule
        schedules.delete: schedules.delete_schedule
        agents.read: agents.get_steps
        questions.read: agents.get_question
        questions.answer: agents.answer_question
        tasks.read: agents.get_findings tasks.get_task tasks.get_result tasks.get_history tasks.get_logs
        tasks.read: tasks.list_artifacts
        tasks.update: tasks.patch_task tasks.add_artifact
        tasks.delete: tasks.delete_task
        tasks.cancel: tasks.cancel_task
        tasks.retry: tasks.retry_task
        runs.read: runs.get_run logs.get_logs logs.stream_run runs.get_job runs.get_placement
        runs.create: runs.create_run
        runs.update: runs.patch_run
        runs.write_logs: logs.append_logs
        sessions.read: sessions.get_session runs.list_runs_of_session
        sessions.create: sessions.create_session
        sessions.update: sessions.patch_session sessions.create_sub_session tasks.create_task_in_session
        sessions.close: sessions.close_session sessions.reopen_session
        sessions.delete: sessions.delete_session
        transcripts.read: sessions.get_transcript logs.get_transcript_of_run
        transcripts.write: sessions.add_to_transcript logs.add_to_transcript_of_run
        runs.read: traces.get_trace traces.compare_runs
        tasks.create: traces.replay_run
        processes.read: processes.list_processes processes.get_process processes.get_output processes.list_ports
        processes.start: processes.start_process
        processes.write: processes.write_input
        processes.terminate: processes.terminate_process
        processes.forward: processes.forward_port processes.close_port
        artifacts.read: artifacts.get_artifact artifacts.get_content
        artifacts.delete: artifacts.delete_artifact
        connectors.create: connectors.create_connector
        connectors.read: connectors.get_connector connectors.list_credentials connectors.list_grants
        connectors.read: connector_operations.list_operations connector_operations.get_operation
        connectors.update: connectors.patch_connector
        connectors.delete: connectors.delete_connector
        connectors.enable: connectors.enable_connector
        connectors.disable: connectors.disable_connector
        connectors.test: connector_operations.test_connector
        connectors.keep_credential: connectors.create_connector_credential connectors.rotate_connector_credential
        connectors.keep_credential: connectors.disable_connector_credential connectors.revoke_connector_credential
        connectors.grant: connectors.create_grant connectors.delete_grant
        connectors.release: connector_operations.release_operation connector_operations.undo_operation
        connectors.read_op: connector_operations.invoke_operation
        projects.read: projects.get_project
        projects.update: projects.patch_project
        projects.delete: projects.delete_project
        threads.create: chat.create_thread
        threads.read: chat.get_thread chat.list_messages
        threads.write: chat.create_message
        threads.update: chat.patch_thread
        threads.delete: chat.delete_thread
        retention_policies.read: retention.get_policy retention.get_retention
        retention_policies.create: retention.create_policy
        retention_policies.update: retention.patch_policy
        retention_policies.delete: retention.delete_policy
        retention_policies.preview: retention.preview_policy retention.preview_wish
        retention_policies.apply: retention.apply_policy
        preferences.read: preferences.get_effective preferences.preview_preference
        preferences.write: preferences.put_preference
        preferences.delete: preferences.delete_preference
        credentials.create: credentials.create_credential
        credentials.read: credentials.get_credential
        credentials.update: credentials.patch_credential
        credentials.delete: credentials.delete_credential
        credentials.rotate: credentials.rotate_credential
        credentials.disable: credentials.disable_credential
        credentials.enable: credentials.enable_credential
        hooks.create: hooks.create_hook
        hooks.read: hooks.get_hook hooks.list_requests hooks.get_request
        hooks.update: hooks.patch_hook
        hooks.delete: hooks.delete_hook
        hooks.rotate: hooks.rotate_secret
        hooks.test: hooks.test_hook
        hooks.replay: hooks.replay_request
    """),
    **_needs("personal", """
        access.explain: access.explain
        audit.read: audit.get_audit
        users.read: users.get_user users.list_sessions_of_user users.list_tokens_of_user
        users.update: users.patch_user
        users.disable: users.disable_user
        users.enable: users.enable_user
        users.revoke_sessions: users.revoke_sessions users.revoke_token_of_user users.end_session_of_user
        users.reset_password: users.reset_password users.create_sign_in_code
        destinations.read: messaging.get_destination
        destinations.update: messaging.patch_destination
        destinations.delete: messaging.delete_destination
        destinations.rotate: messaging.rotate_destination
        destinations.test: messaging.test_destination
        destinations.redeliver: messaging.redeliver_since
        subscriptions.create: messaging.create_subscription
        subscriptions.read: messaging.get_subscription
        subscriptions.update: messaging.patch_subscription
        subscriptions.delete: messaging.delete_subscription
        deliveries.read: messaging.get_delivery
        deliveries.redeliver: messaging.redeliver
        spend_limits.read: limits.get_spend_limit
        spend_limits.update: limits.patch_spend_limit
        spend_limits.delete: limits.delete_spend_limit
    """),
    "identity.get_token": Need("self.read", "personal", of_others="users.read"),
    "identity.rename_token": Need("self.update_token", "personal", of_others="users.update"),
    "identity.revoke_token": Need("self.revoke_token", "personal", of_others="users.revoke_sessions"),
    "identity.end_session": Need("self.end_session", "private"),
    **_needs("shared", """
        role_bindings.create: access.create_binding
        role_bindings.read: access.get_binding
        role_bindings.update: access.patch_binding
        role_bindings.delete: access.delete_binding
    """),
    **_needs("common", """
        audit.verify: audit.verify_audit audit.list_checkpoints audit.get_key
        settings.read: settings.list_settings settings.get_setting
        settings.write: settings.put_setting settings.delete_setting
        access.read_actions: access.list_actions
        groups.read: access.list_groups access.get_group access.list_members access.get_member
        groups.create: access.create_group
        groups.update: access.patch_group
        groups.delete: access.delete_group
        groups.add_member: access.add_member
        groups.update_member: access.patch_member
        groups.remove_member: access.remove_member
        roles.read: access.list_roles access.get_role
        roles.create: access.create_role
        roles.update: access.patch_role
        roles.delete: access.delete_role
        policy_rules.read: access.list_rules access.get_rule
        policy_rules.create: access.create_rule
        policy_rules.update: access.patch_rule
        policy_rules.delete: access.delete_rule
        users.create: users.create_user
        self.logout: identity.logout identity.close_session
        self.read: identity.get_session identity.get_me identity.list_sessions identity.list_tokens
        self.update: identity.patch_me identity.set_my_password
        self.create_token: identity.create_token
        projects.create: projects.create_project
        artifacts.create: artifacts.upload
        credentials.read_keys: credentials.get_recovery_kit
        models.use: openai.complete_chat openai.create_response openai.create_embeddings openai.warm
        models.use: openai.follow_answer openai.stop_answer
        models.read: openai.list_models openai.get_model
        providers.read: providers.list_providers providers.get_provider
        providers.create: providers.create_provider
        providers.update: providers.patch_provider
        providers.delete: providers.delete_provider
        providers.test: providers.test_provider
        spend_limits.create: limits.create_spend_limit
        nodes.read: nodes.list_nodes nodes.get_node nodes.get_load
        nodes.enable: nodes.enable_node
        nodes.disable: nodes.disable_node
        nodes.drain: nodes.drain_node
        nodes.refresh: nodes.refresh_node
        nodes.remove: nodes.remove_node
        nodes.carry_files: artifacts.get_file artifacts.put_file
        destinations.create: messaging.create_destination
        queue.read: schedules.get_queue runs.get_queue_history
        schedules.create: schedules.import_crontab
        capabilities.read: system.capabilities
        conformance.read: conformance.list_clients
        conformance.run: conformance.run_client
        backups.read: system.list_backups system.get_backup system.verify_backup
        backups.create: system.create_backup
        metrics.read: system_root.metrics
    """),
    **_needs("listed", """
        audit.read: audit.list_audit
        audit.export: audit.export_audit
        users.read: users.list_users
        role_bindings.read: access.list_bindings
        projects.read: projects.list_projects
        preferences.read: preferences.list_preferences preferences.list_history
        credentials.read: credentials.list_credentials
        spend_limits.read: limits.list_spend_limits limits.list_usage
        events.read: events.list_events events.stream events.get_catalogue messaging.preview_subscription
        destinations.read: messaging.list_destinations messaging.list_kinds
        subscriptions.read: messaging.list_subscriptions
        deliveries.read: messaging.list_deliveries
        artifacts.read: artifacts.list_artifacts
        connectors.read: connectors.get_catalog connectors.list_connectors connector_operations.list_pending
        runs.read: runs.list_runs
        sessions.read: sessions.list_sessions
        runs.write_logs: otlp.take_logs otlp.take_spans
        tasks.read: tasks.list_tasks tasks.list_hours
        retention_policies.read: retention.list_policies
        schedules.read: schedules.list_schedules schedules.list_next schedules.list_days schedules.preview
        schedules.read: schedules.get_calendar
        questions.read: agents.list_questions
        hooks.read: hooks.list_hooks
        threads.read: chat.list_threads chat.search_messages
    """),
}  # fmt: skip
"""Every route that is not public. One that is missing here fails the test: say what it asks for."""

ELSEWHERE = {
    "events_socket": "decides on each message; test_two_users, test_identity_on_every_route",
    "run_socket": "decides before the handshake, which a plain request does not begin; test_runs",
    "system.export_list": "decides by the list's own route; test_data_api",
    "system.change_many": "decides by the route of each thing; test_data_api",
    **dict.fromkeys(
        ("mcp.post_message", "mcp.resume", "mcp.end_session"), "decides by the route behind each tool; tests/mcp"
    ),
    "credentials.create_recovery_kit": "takes an owner who signed in, which no token is; test_credentials",
}
"""Routes whose answer to a request with a token says nothing of roles, with where they are tested."""


def expected(role: str, whose: Whose, need: Need) -> Verdict:
    """What must come of it. In somebody's project the caller has `role` there, and looks at their own elsewhere.

    `refused` leaves open whether as forbidden or as not there: something of one's own that one may not read.
    """
    action = need.of_others if whose != "own" and need.of_others else need.action
    if _may(role, whose, need, action):
        return "allowed"
    if need.sort in ("common", "shared", "listed"):
        return "denied"
    if whose == "own":
        return "refused"
    room = need.action.partition(".")[0]
    read = "users.read" if room in ("self", "access") else f"{room}.read"
    if need.sort == "private":
        return "hidden"
    return "denied" if _may(role, whose, need, read) else "hidden"


def _may(role: str, whose: Whose, need: Need, action: str) -> bool:
    given = _includes(role, action)
    given_on_own = given or any(fnmatchcase(action, glob) for glob in ON_OWN.get(role, ()))
    if whose == "own" or need.sort == "listed":
        return given_on_own or (whose == "project" and _includes("viewer", action))
    if need.sort == "private":
        return given and whose == "own"
    if whose == "project":
        in_project = given and need.sort in ("placed", "shared", "listed")
        return in_project or (_includes("viewer", action) and need.sort in ("common", "listed"))
    if whose == "foreign" and need.sort in ("placed", "personal"):
        return given and role in SEES_ALL
    return given


def _includes(role: str, action: str) -> bool:
    return any(fnmatchcase(action, glob) for glob in ROLES[role])
