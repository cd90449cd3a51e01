"""Requests that get as far as the decision: the address of each route among things, and the body it wants."""

import itertools
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from tests.http.things import BETWEEN, named_by

_numbers = itertools.count(1)


def path_of(app: Flask, rule: Rule, method: str, things: dict[str, str]) -> str:
    """Where a route is, with the ids of things."""
    segments = rule.rule.split("/")
    values = {name: things.get(name, "") for name in rule.arguments}
    if "id" in values:
        at = next(i for i, part in enumerate(segments) if part.endswith(":id>"))
        values["id"] = named_by(things, segments[:at])
    if "key" in values:
        values["key"] = "language.preferred" if "scope_id" in values else "tasks.max_timeout_s"
    if "name" in values:
        values["name"] = "list_events" if rule.endpoint.startswith("connector") else "an-answer"
    return app.url_map.bind("").build(rule.endpoint, values, method=method)


def body_of(endpoint: str, things: dict[str, str]) -> dict[str, Any]:
    """A body that gets as far as the decision."""
    name = f"m{next(_numbers)}"
    bodies: dict[str, dict[str, Any]] = {
        "tasks.create_task": {"commands": ["true"], "project_id": things["projects"]},
        "schedules.create_schedule": {"name": name, "cron": "0 0 1 1 *", "project_id": things["projects"],
                                      "payload": {"kind": "commands", "commands": ["true"]}},
        "conformance.run_client": {"client": "nobody"},
        "schedules.preview": {"cron": "@daily"},
        "schedules.import_crontab": {"crontab": "@daily true", "dry_run": True},
        "credentials.create_credential": {"name": name, "secret": "x", "project_id": things["projects"]},
        "credentials.rotate_credential": {"secret": "x"},
        "connectors.create_connector": {"type": "feed", "name": name, "config": {"url": "http://127.0.0.1:9/"},
                                        "project_id": things["projects"]},
        "connectors.create_connector_credential": {"secret": {"username": "u", "password": "p"}},
        "connectors.rotate_connector_credential": {"secret": {"username": "u", "password": "p"}},
        "connectors.create_grant": {"operation": "send"},
        "connector_operations.invoke_operation": {"arguments": BETWEEN},
        "agents.answer_question": {"answer": "x"},
        "hooks.create_hook": {"name": name, "verify": "token", "project_id": things["projects"],
                              "action": {"kind": "emit_event", "name": "matrix.tried"}},
        "tasks.create_task_in_session": {"commands": ["true"]},
        "sessions.create_session": {"title": name, "project_id": things["projects"]},
        "sessions.add_to_transcript": {"kind": "summary", "content": "x"},
        "logs.add_to_transcript_of_run": {"kind": "summary", "content": "x"},
        "logs.append_logs": {"entries": [{"stream": "notes", "message": "x"}]},
        "runs.create_run": {"name": name, "project_id": things["projects"]},
        "messaging.create_destination": {"destination_type": "ntfy", "destination_config": {"topic": name}},
        "messaging.redeliver_since": {"since": "2026-01-01T00:00:00Z"},
        "messaging.create_subscription": {"destination_id": things["destinations"], "event_pattern": "no.such"},
        "messaging.preview_subscription": {"event_pattern": "**"},
        "preferences.put_preference": {"value": "en"},
        "preferences.preview_preference": {"value": "en"},
        "settings.put_setting": {"value": "no number"},
        "projects.create_project": {"slug": name},
        "providers.create_provider": {"name": name, "kind": "ollama", "enabled": False},
        "limits.create_spend_limit": {"subject_type": "provider", "subject_id": name, "window": "day",
                                      "max_requests": 1},
        "identity.create_token": {"name": name},
        "identity.rename_token": {"name": name},
        "identity.set_my_password": {"new_password": "long enough to pass", "current_password": "not the right one"},
        "users.create_user": {"handle": name},
        "users.reset_password": {"password": "long enough to pass"},
        "processes.start_process": {"command": "true"},
        "processes.write_input": {"text": "x"},
        "processes.forward_port": {"port": 80},
        "processes.close_port": {"port": 80},
        "retention.create_policy": {"scope_type": "project", "scope_id": things["projects"], "sort": "threads",
                                    "max_age_days": 3650},
        "retention.preview_wish": {"scope_type": "project", "scope_id": things["projects"], "sort": "threads",
                                   "max_age_days": 3650},
        "chat.create_thread": {"project_id": things["projects"]},
        "chat.create_message": {"text": "x"},
        "openai.complete_chat": {"model": "nobody/none", "messages": [{"role": "user", "content": "x"}]},
        "openai.create_response": {"model": "nobody/none", "input": "x"},
        "openai.create_embeddings": {"model": "nobody/none", "input": "x"},
        "openai.warm": {"model": "nobody/none"},
        "access.create_group": {"name": name},
        "access.add_member": {"user_id": things["user_id"]},
        "access.patch_member": {"is_active": True},
        "access.create_role": {"name": name, "actions": ["tasks.read"]},
        "access.create_rule": {"effect": "allow", "subject": "*", "action": "tasks.read", "is_enabled": False},
        "access.create_binding": {"subject_type": "user", "subject_id": things["user_id"], "role_id": "viewer",
                                  "scope_type": "project", "scope_id": things["projects"]},
    }  # fmt: skip
    return bodies.get(endpoint, {})
