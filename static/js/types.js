/**
 * The API's shapes as far as the console reads them (the served /openapi.json is the whole truth).
 *
 * @typedef {"queued" | "waiting" | "running" | "completed" | "failed" | "canceled"} TaskStatus
 *
 * @typedef {{code: string, message: string}} Problem
 *
 * @typedef {object} Task
 * @property {string} id
 * @property {string} name
 * @property {TaskStatus} status
 * @property {"prompt" | "script" | "commands"} kind
 * @property {string | null} [prompt]
 * @property {{content?: string | null, artifact_id?: string | null, interpreter?: string, args?: string[]} | null} [script]
 * @property {string[] | null} [commands]
 * @property {boolean} [continue_on_error]
 * @property {string[]} [acceptance_criteria]
 * @property {string[]} [attachments]
 * @property {string[]} [tags]
 * @property {number} [priority]
 * @property {number | null} [timeout_s]
 * @property {string[]} [depends_on]
 * @property {string[]} [dependents]
 * @property {string | null} [run_id]
 * @property {string | null} [model]
 * @property {boolean} [network]
 * @property {Record<string, string>} [env]
 * @property {Record<string, any> | null} [requires] what its node must have
 * @property {Record<string, any>} [metadata]
 * @property {string} [project_id]
 * @property {string | null} [session_id]
 * @property {Problem | null} [error]
 * @property {string} created_at
 * @property {string | null} [started_at]
 * @property {string | null} [ended_at]
 * @property {number} [version]
 *
 * @typedef {object} Job
 * @property {string | null} [command]
 * @property {string | null} [model]
 * @property {string} [status]
 * @property {number | null} exit_code
 * @property {string} stdout
 * @property {string} stderr
 * @property {boolean} [truncated]
 * @property {string | null} [started_at]
 * @property {string | null} [ended_at]
 *
 * @typedef {object} Result
 * @property {TaskStatus} status
 * @property {number | null} [exit_code]
 * @property {string | null} [output]
 * @property {Problem | null} [error]
 * @property {Job[]} jobs
 * @property {Artifact[]} [artifacts]
 * @property {{status: "passed" | "failed", rounds: number, findings: Finding[]} | null} [verification] of what was done
 *
 * @typedef {{count: number, bytes: number, oldest_at: string | null, newest_at: string | null}} RetentionAmount
 *
 * @typedef {{sort: string, title: string, estimated: boolean, kept: RetentionAmount, would_go: RetentionAmount}} RetentionSort
 *
 * @typedef {{sort: string, would_go: RetentionAmount, examples: {id: string, time: string, bytes: number}[]}} RetentionPreview
 *
 * @typedef {object} RetentionPolicy
 * @property {string} id
 * @property {"system" | "project"} scope_type
 * @property {string | null} scope_id
 * @property {string | null} scope_name as the console has read it
 * @property {string} sort
 * @property {number | null} max_age_days
 * @property {number | null} max_count
 * @property {number | null} max_bytes
 * @property {boolean} enabled
 * @property {number} purged_count
 * @property {number} purged_bytes
 * @property {string | null} purged_at
 * @property {number} version
 *
 * @typedef {object} Process
 * @property {string} id
 * @property {string} run_id
 * @property {string} name
 * @property {string} command
 * @property {"starting" | "running" | "exited" | "terminated" | "failed"} status
 * @property {number | null} exit_code
 * @property {string | null} reason
 * @property {boolean} truncated
 * @property {string} created_at
 * @property {string | null} started_at
 * @property {string | null} ended_at
 *
 * @typedef {{port: number, address: string | null, created_by: string, created_at: string}} ProcessPort
 *
 * @typedef {{kind: string, id: string, title: string | null, status: string | null, time: string | null, by: string | null, purged_at: string | null}} TraceNode
 *
 * @typedef {{cause_kind: string, cause_id: string, effect_kind: string, effect_id: string, reason: string}} TraceEdge
 *
 * @typedef {{nodes: TraceNode[], edges: TraceEdge[], is_cut: boolean}} Trace
 *
 * @typedef {{command: string | null, status: string, exit_code: number | null, seconds: number | null}} ComparedJob
 *
 * @typedef {{filename: string, left_id: string | null, right_id: string | null, left_size: number | null, right_size: number | null, is_same: boolean}} ComparedFile
 *
 * @typedef {{name: string, left: string, right: string, is_same: boolean, is_cut: boolean, diff: string | null}} ComparedText
 *
 * @typedef {object} ComparedRun
 * @property {string} run_id
 * @property {string | null} task_id
 * @property {string | null} task_name
 * @property {string} status
 * @property {Problem | null} error
 * @property {number} attempt
 * @property {string | null} started_at
 * @property {number | null} seconds
 * @property {ComparedJob[]} jobs
 *
 * @typedef {{left: ComparedRun, right: ComparedRun, inputs: string[], texts: ComparedText[], artifacts: ComparedFile[]}} Comparison
 *
 * @typedef {{criterion: string, passed: boolean, reason: string, command: string | null, exit_code: number | null}} Finding
 *
 * @typedef {object} Run
 * @property {string} id
 * @property {"task" | "agent" | "external"} kind
 * @property {string | null} name
 * @property {string | null} [task_id]
 * @property {string | null} [task_name]
 * @property {string | null} [session_id]
 * @property {string | null} [parent_run_id]
 * @property {Record<string, any>} metadata
 * @property {string} traceparent
 * @property {boolean} log_cut
 * @property {number} version
 * @property {string} status
 * @property {number} [attempt]
 * @property {string | null} [node_id]
 * @property {Problem | null} [error]
 * @property {string} created_at
 * @property {string | null} [started_at]
 * @property {string | null} [ended_at]
 *
 * @typedef {{id: string, version: number, title: string, status: "open" | "closed", closed_at: string | null, parent_session_id: string | null, project_id: string, owner_id: string, created_at: string, updated_at: string}} WorkSession
 * @typedef {{id: string, session_id: string | null, run_id: string | null, kind: string, content: any, redactions: Record<string, number>, created_by: string, created_at: string, expires_at: string | null}} Segment
 *
 * @typedef {object} Artifact
 * @property {string} id
 * @property {string} filename
 * @property {number} size
 * @property {string} sha256
 * @property {string} media_type
 * @property {string | null} [task_id]
 * @property {string | null} [task_name]
 * @property {string} [origin]
 * @property {string} created_at
 *
 * @typedef {object} LogEntry
 * @property {number} seq
 * @property {string} run_id
 * @property {string | null} [job_id]
 * @property {string} stream
 * @property {string} message
 * @property {string} time
 *
 * @typedef {object} Change One line of a task's history.
 * @property {string} time
 * @property {TaskStatus | null} before
 * @property {TaskStatus} after
 * @property {string} actor
 * @property {string} reason
 * @property {string | null} run_id
 *
 * @typedef {object} GatewayEvent
 * @property {string} id
 * @property {number} seq
 * @property {string} name
 * @property {string} time
 * @property {string} [actor]
 * @property {string | null} [task_id]
 * @property {string | null} [run_id]
 * @property {any} data
 *
 * @typedef {object} Capability
 * @property {string} name
 * @property {boolean} available
 * @property {string | null} [reason]
 * @property {string | null} [remedy]
 * @property {Record<string, any>} [details]
 *
 * @typedef {object} Node
 * @property {string} id
 * @property {string} name
 * @property {string} host
 * @property {"online" | "draining" | "drained" | "disabled" | "offline"} state
 * @property {"open" | "draining" | "drained" | "disabled"} admission
 * @property {Record<string, string>} labels
 * @property {{os?: string, arch?: string, cpus?: number, files_carried?: boolean, memory_bytes?: number, gpus?: string[], models?: {id: string}[], local_models?: LocalModel[], found_providers?: Record<string, {kind: string, base_url: string}>, sandbox?: {ok: boolean, kind: string | null, reason: string | null, remedy: string | null}}} capabilities
 * @property {number} concurrency
 * @property {number} running
 * @property {{cpu_percent?: number, memory_percent?: number, disk_free_bytes?: number}} load
 * @property {string} started_at
 * @property {string} heartbeat_at
 *
 * @typedef {{id: string, title: string, licence: string, size: number, is_here: boolean}} LocalModel
 *
 * @typedef {{time: string, cpu_percent: number, memory_percent: number, running: number}} LoadSample
 *
 * @typedef {object} Session
 * @property {User} user
 * @property {string | null} csrf_token
 * @property {number} last_event_seq the last event's number when this was told
 * @property {boolean} [first_run]
 * @property {string[]} [actions]
 *
 * @typedef {{id: string, owned_by?: string, context_length?: number | null, price?: {input: number, output: number} | null}} Model
 *
 * @typedef {object} Step what an agent has done: a model's reply, or what a tool answered
 * @property {string} id
 * @property {string} run_id
 * @property {string} agent "" for the task's own, else the path of a sub-agent
 * @property {"model" | "tool"} kind
 * @property {string | null} name
 * @property {Record<string, any> | null} arguments
 * @property {string} text
 * @property {"completed" | "failed" | "refused"} status
 * @property {number} prompt_tokens
 * @property {number} completion_tokens
 * @property {string} started_at
 * @property {string} ended_at
 *
 * @typedef {object} Question what an agent wants to know
 * @property {string} id
 * @property {string} task_id
 * @property {"text" | "choice" | "confirm"} kind
 * @property {string} question
 * @property {string[]} options
 * @property {"open" | "answered" | "withdrawn"} status
 * @property {string | boolean | null} answer
 * @property {string} asked_at
 * @property {string | null} answered_at
 */

/**
 * Chat.
 *
 * @typedef {{id: string, version: number, title: string, project_id: string, client_chat_id: string | null, is_active: boolean, message_id: string | null, last_activity_at: string}} Thread
 *
 * @typedef {object} Message
 * @property {string} id
 * @property {string | null} parent_id those with the same one stand for one another
 * @property {"system" | "developer" | "user" | "assistant" | "tool"} role
 * @property {string} text
 * @property {string | null} [source] where its words come from, when that is outside: `hook:NAME`
 * @property {any[] | null} content
 * @property {"complete" | "streaming" | "cut" | "failed"} status
 * @property {string | null} model
 * @property {string | null} task_id
 * @property {string | null} finish_reason
 * @property {Problem | null} error
 * @property {string} created_at
 * @property {string} updated_at
 *
 * @typedef {{id: string, thread_id: string, title: string, role: string, snippet: string, created_at: string}} Hit
 */

/**
 * Access.
 *
 * @typedef {{id: string, version: number, handle: string, display_name: string, roles: string[], time_zone?: string | null, is_active: boolean, is_system?: boolean, has_password: boolean, created_at: string}} User
 * @typedef {{id: string, version: number, name: string, description: string, external_id: string | null, is_active: boolean}} Group
 * @typedef {{user_id: string, handle: string, display_name: string, external_id: string | null, is_active: boolean, added_at: string}} Member
 * @typedef {{id: string, version: number, name: string, description: string, actions: string[], reach: "own" | "all", own_actions: string[], is_builtin: boolean}} Role
 * @typedef {{id: string, subject_type: "user" | "group", subject_id: string, subject_name: string, role_id: string, role_name: string, scope_type: "system" | "project", scope_id: string | null, scope_name?: string | null}} Binding
 * @typedef {{id: string, version: number, name: string, description: string, effect: "allow" | "deny", subject: {type: string, id: string | null}, subject_name: string | null, subject_display_name: string | null, action: string, resource: string, priority: number, conditions: Record<string, any>, is_enabled: boolean}} Rule
 * @typedef {{role: string, actions: string[], own_actions: string[], reach: "own" | "all", group: string | null, scope_type: string, scope_id: string | null}} Grant
 * @typedef {{id: string, name: string, effect: "allow" | "deny", action: string, resource: string, priority: number, holds: boolean}} MatchingRule
 * @typedef {{allowed: boolean, decision: string, reason: string, decided_by: string, roles: string[], groups: string[], grants: Grant[], rule: MatchingRule | null, rules: MatchingRule[]}} Explanation
 *
 * @typedef {{id: string, kind: string, created_at: string, last_used_at: string | null, expires_at: string, address: string | null, user_agent: string | null, current: boolean}} LoginSession
 * @typedef {{id: string, name: string, prefix: string, scopes: string[] | null, created_at: string, expires_at: string | null, last_used_at: string | null}} Token
 *
 * @typedef {{id: string, seq: number, time: string, actor: string, actor_id: string | null, groups: string[], roles: string[], via: string, action: string, resource: {kind: string, id: string | null}, project_id: string | null, decision: string, reason: string, rule: string | null, request_id: string | null, address: string | null, hash: string}} AuditRecord
 * @typedef {{ok: boolean, checked: number, seq: number, first_bad: {seq: number, problem: string, detail: string} | null}} Verification
 */

/**
 * Set-up.
 *
 * @typedef {{id: string, version: number, slug: string, display_name: string, description: string, is_active: boolean, is_default: boolean, time_zone: string | null, effective_time_zone: string, owner_id: string, retention: Record<string, number | null>, created_at: string}} Project
 * @typedef {{id: string, version: number, name: string, kind: string, description: string, is_active: boolean, rotated_at: string | null, last_used_at: string | null, created_at: string}} Credential
 * @typedef {{ok: boolean, reason: string | null, remedy: string | null, latency_ms: number | null, models: string[], tested_at: string}} ProviderTest
 * @typedef {{id: string, version: number, name: string, kind: string, base_url: string | null, credential_id: string | null, models: string[] | null, enabled: boolean, last_test: ProviderTest | null}} Provider
 * @typedef {{id: string, version: number, name: string, description: string, verify: string, verify_options: Record<string, any>, condition: string | null, action: Record<string, any>, sample: Record<string, any> | null, enabled: boolean, rate_per_minute: number, secrets: {id: string, created_at: string, expires_at: string | null}[], url: string, curl: string, created_at: string}} Hook
 * @typedef {Hook & {secret: string}} HookWithSecret
 * @typedef {{id: string, received_at: string, outcome: string, status: number, reason: string | null, delivery_id: string | null, address: string | null, task_id: string | null, task_name: string | null, replay_of: string | null, repeats: number, body?: string, headers?: Record<string, string>, answer?: Record<string, any> | null}} HookRequest
 * @typedef {{wanted: boolean, action: Record<string, any> | null, request_id: string | null, task_id: string | null}} HookTrial
 * @typedef {{exists: boolean, created_at: string | null, recovery_key?: string}} RecoveryKit
 * @typedef {{key: string, value: any, default: any, source: "default" | "database" | "configuration", type: string, minimum: number | null, maximum: number | null, description: string, needs_restart: boolean, version: number, updated_at: string | null, updated_by: string | null}} Setting
 *
 * @typedef {{id: string, version: number, subject_type: string, subject_id: string | null, window: string, max_requests: number | null, max_tokens: number | null, max_cost_micros: number | null}} SpendLimit
 * @typedef {{requests: number, tokens: number, cost_micros: number}} Amount money in millionths of a dollar
 * @typedef {{limit: SpendLimit, subject_name: string | null, subject_display_name: string | null, ends_at: string, used: Amount, reserved: Amount}} Usage
 *
 * @typedef {{type: string, id: string}} Scope the id is empty where the type needs none
 * @typedef {{scope_type: string, scope_id: string | null, scope_name?: string | null, key: string, version: number}} ScopedEntry
 * @typedef {ScopedEntry & {id: string, value: any, value_type: string, updated_at: string, updated_by: string}} Preference
 * @typedef {ScopedEntry & {id: string, value: any, is_deleted: boolean, reason: string | null, actor: string, time: string}} PreferenceChange
 * @typedef {ScopedEntry & {value: any, value_type: string}} EffectiveItem
 * @typedef {ScopedEntry & {reason: string}} InvalidEntry
 * @typedef {{effective: EffectiveItem | null, constraints: EffectiveItem[]}} PreviewState
 * @typedef {{task_id: string | null, project_id: string | null, user_id: string, applies: boolean, before: PreviewState, after: PreviewState, diff: string[]}} PreferencePreview
 * @typedef {{items: EffectiveItem[], masked: ScopedEntry[], invalid: InvalidEntry[], constraints: EffectiveItem[]}} EffectivePreferences
 */

/**
 * Messaging.
 *
 * @typedef {{destination_type: string, title: string, config_schema: Record<string, any>, secret: "required" | "optional" | "generated" | "none", secret_title: string, per_minute: number | null, available: boolean, reason: string | null, remedy: string | null}} DestinationKind
 * @typedef {{id: string, version: number, name: string, destination_type: string, destination_config: Record<string, any>, has_secret: boolean, is_active: boolean, disabled_reason: string | null, is_ordered: boolean, per_minute: number | null, health: "good" | "failing" | "off" | "unused", failing_since: string | null, last_success_at: string | null, last_error: Problem | null}} Destination
 * @typedef {{id: string, version: number, destination_id: string, destination_name: string | null, event_pattern: string, filter: Record<string, any> | null, template: string | null, digest_s: number | null, problem: string | null}} Subscription
 * @typedef {{looked_at: number, matched: number, events: GatewayEvent[], message: {title: string, text: string, severity: string, body: any} | null, problem: string | null}} SubscriptionTried
 * @typedef {{number: number, status: "succeeded" | "failed", started_at: string, latency_ms: number, response_status: number | null, error: Problem | null}} Attempt
 * @typedef {{id: string, destination_id: string, destination_name: string | null, subscription_id: string | null, event_name: string, event: GatewayEvent, status: "pending" | "held" | "delivered" | "failed" | "merged", is_digest: boolean, attempt_count: number, attempts: Attempt[], next_attempt_at: string | null, created_at: string}} Delivery */

/**
 * Connectors.
 *
 * @typedef {{name: string, mode: "read" | "send" | "admin", title: string, description: string, input_schema: Record<string, any>, output_schema: Record<string, any>}} OperationType
 * @typedef {OperationType & {verdict: "allow" | "deny" | "ask"}} OperationRule
 * @typedef {{type: string, title: string, summary: string, config_schema: Record<string, any>, secret_schema: Record<string, any> | null, needs_secret: boolean, learns: boolean, happening: string | null, operations: OperationType[]}} ConnectorType
 * @typedef {{id: string, version: number, type: string, name: string, description: string, config: Record<string, any>, rules: Record<string, "allow" | "deny" | "ask">, hold_s: number, enabled: boolean, state: "ok" | "stopped", stopped_reason: string | null, has_credential: boolean, operations: OperationRule[], last_error: {code: string, message: string, at: string} | null, last_ok_at: string | null}} Connector
 * @typedef {{id: string, name: string, state: "active" | "disabled" | "revoked", fields: string[], in_force: boolean, last_used_at: string | null}} ConnectorCredential
 * @typedef {{id: string, user_id: string | null, operation: string, constraints: Record<string, any>, uses: number, used: number, until: string}} ConnectorGrant
 * @typedef {{id: string, connector_id: string, operation: string, mode: string, status: string, decision: string, reason: string, actor: string, arguments: Record<string, any>, error: {code: string, message: string} | null, request_bytes: number, answer_bytes: number | null, duration_ms: number | null, task_id: string | null, due_at: string | null, created_at: string}} ConnectorOperation
 */

/**
 * Schedules.
 *
 * @typedef {"completed" | "failed" | "canceled" | "running" | "skipped" | "missed"} PastState
 * @typedef {{schedule_id: string, name: string, day: string, first_at: string, last_at: string, times: number, skipped: number}} PlannedDay
 * @typedef {{schedule_id: string, name: string, description: string}} Frequent
 * @typedef {{schedule_id: string, name: string, day: string, first_at: string, last_at: string, outcomes: Partial<Record<PastState, number>>}} PastDay
 * @typedef {{id: string, planned_at: string, fired_at: string | null, outcome: "fired" | "skipped" | "missed" | "failed" | null, cause: string, reason: string | null, task_id: string | null, task_name: string | null, result: "completed" | "failed" | "canceled" | null}} ScheduleRun
 * @typedef {{utc: string, local: string, utc_offset: string, skipped: boolean}} Planned
 *
 * @typedef {object} Schedule
 * @property {string} id
 * @property {number} version
 * @property {string} name
 * @property {string} project_id
 * @property {string | null} cron
 * @property {string | null} at
 * @property {number | null} every_s
 * @property {Record<string, any> | null} trigger
 * @property {string} description
 * @property {string | null} time_zone
 * @property {string} effective_time_zone
 * @property {Record<string, any>} payload
 * @property {boolean} enabled
 * @property {string | null} disabled_reason
 * @property {string | null} problem what keeps it from making tasks
 * @property {string | null} start_at
 * @property {string | null} end_at
 * @property {number} jitter_s
 * @property {string} overlap
 * @property {string} catch_up
 * @property {number | null} catch_up_window_s
 * @property {number | null} alert_after
 * @property {number | null} disable_after
 * @property {string | null} next_planned_at
 * @property {boolean} skips_next
 * @property {number} waiting
 * @property {{exit_code: number | null, exited_at: string | null, problem: string | null, next_at: string | null} | null} probe what the command of a trigger has come to
 * @property {number} failures_in_a_row
 * @property {ScheduleRun[]} recent newest first
 *
 * @typedef {{depth: {by_state: Record<string, number>, by_queue: Record<string, number>, by_node: Record<string, number>}, oldest_age_s: number | null, background: {name: string, waiting: number, running: number, lost: number}[], schedules: {enabled: number, disabled: number, due: number, waiting: number, next_planned_at: string | null}}} Queue
 * @typedef {{schedule_id: string, name: string, planned_at: string, skipped: boolean}} NextPlanned
 * @typedef {{time: string, by_status: Record<string, number>}} TaskHour how many of the tasks made in an hour have which status
 * @typedef {{step_s: number, items: {time: string, waiting: number, running: number, longest_wait_s: number | null}[]}} QueueHistory
 */

/**
 * @typedef {{name: string, size: number, created_at: string, by_clock: boolean}} Backup
 * @typedef {Backup & {made_at: string, release: string, users: number, tasks: number, artifacts: number, artifact_bytes: number, missing_artifacts: number, includes_key: boolean, keys_here: boolean, present_users: number, present_tasks: number, command: string}} BackupContents
 */

/**
 * @template T
 * @typedef {{items: T[], next_cursor: string | null}} Page
 */

export {};

/**
 * The conformance lab.
 *
 * @typedef {{name: string, about: string, needs_model: boolean}} LabCase
 * @typedef {{id: string, name: string, about: string, cases: LabCase[]}} LabClient
 * @typedef {{name: string, verdict: "passed" | "failed" | "untested", reason: string | null, method: string, path: string, status: number | null, duration_ms: number}} LabResult */
