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
 * @property {Problem | null} [error]
 * @property {string} created_at
 * @property {string | null} [started_at]
 * @property {string | null} [ended_at]
 * @property {number} [version]
 *
 * @typedef {object} Job
 * @property {string | null} [command]
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
 * @property {{status: "passed" | "failed", rounds: number, findings: Finding[]} | null} [verification] of a prompt's answer
 *
 * @typedef {{criterion: string, passed: boolean, reason: string, command: string | null, exit_code: number | null}} Finding
 *
 * @typedef {object} Run
 * @property {string} id
 * @property {string | null} [task_id]
 * @property {string} status
 * @property {number} [attempt]
 * @property {string | null} [node_id]
 * @property {Problem | null} [error]
 * @property {string} created_at
 * @property {string | null} [started_at]
 * @property {string | null} [ended_at]
 *
 * @typedef {object} Artifact
 * @property {string} id
 * @property {string} filename
 * @property {number} size
 * @property {string} sha256
 * @property {string} media_type
 * @property {string | null} [task_id]
 * @property {string} [origin]
 * @property {string} created_at
 *
 * @typedef {object} LogEntry
 * @property {number} seq
 * @property {string} run_id
 * @property {string | null} [job_id]
 * @property {"stdout" | "stderr" | "system" | "answer"} stream
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
 *
 * @typedef {object} Session
 * @property {User} user
 * @property {string | null} csrf_token
 * @property {boolean} [first_run]
 * @property {string[]} [actions]
 *
 * @typedef {{id: string, owned_by?: string}} Model
 */

/**
 * Access.
 *
 * @typedef {{id: string, version: number, handle: string, display_name: string, roles: string[], time_zone?: string | null, is_active: boolean, is_system?: boolean, has_password: boolean, created_at: string}} User
 * @typedef {{id: string, version: number, name: string, description: string, external_id: string | null, is_active: boolean}} Group
 * @typedef {{user_id: string, handle: string, display_name: string, is_active: boolean, added_at: string}} Member
 * @typedef {{id: string, version: number, name: string, description: string, actions: string[], reach: "own" | "all", own_actions: string[], is_builtin: boolean}} Role
 * @typedef {{id: string, subject_type: "user" | "group", subject_id: string, subject_name: string, role_id: string, role_name: string, scope_type: "system" | "project", scope_id: string | null, scope_name?: string | null}} Binding
 * @typedef {{id: string, version: number, name: string, description: string, effect: "allow" | "deny", subject: {type: string, id: string | null}, action: string, resource: string, priority: number, conditions: Record<string, any>, is_enabled: boolean}} Rule
 * @typedef {{role: string, actions: string[], own_actions: string[], reach: "own" | "all", group: string | null, scope_type: string, scope_id: string | null}} Grant
 * @typedef {{id: string, name: string, effect: "allow" | "deny", action: string, resource: string, priority: number, holds: boolean}} MatchingRule
 * @typedef {{allowed: boolean, decision: string, reason: string, roles: string[], groups: string[], grants: Grant[], rule: MatchingRule | null, rules: MatchingRule[]}} Explanation
 *
 * @typedef {{id: string, kind: string, created_at: string, last_used_at: string | null, expires_at: string, address: string | null, user_agent: string | null, current: boolean}} LoginSession
 * @typedef {{id: string, name: string, prefix: string, scopes: string[] | null, created_at: string, expires_at: string | null, last_used_at: string | null}} Token
 *
 * @typedef {{id: string, seq: number, time: string, actor: string, actor_id: string | null, groups: string[], roles: string[], via: string, action: string, resource: {kind: string, id: string | null}, decision: string, reason: string, rule: string | null, request_id: string | null, address: string | null, hash: string}} AuditRecord
 * @typedef {{ok: boolean, checked: number, seq: number, first_bad: {seq: number, problem: string, detail: string} | null}} Verification
 */

/**
 * Set-up.
 *
 * @typedef {{id: string, version: number, slug: string, display_name: string, description: string, is_active: boolean, is_default: boolean, time_zone: string | null, effective_time_zone: string, retention: Record<string, number | null>, created_at: string}} Project
 * @typedef {{id: string, version: number, name: string, kind: string, description: string, is_active: boolean, rotated_at: string | null, last_used_at: string | null, created_at: string}} Credential
 * @typedef {{ok: boolean, reason: string | null, remedy: string | null, latency_ms: number | null, models: string[], tested_at: string}} ProviderTest
 * @typedef {{id: string, version: number, name: string, kind: string, base_url: string | null, credential_id: string | null, models: string[] | null, enabled: boolean, last_test: ProviderTest | null}} Provider
 * @typedef {{exists: boolean, created_at: string | null, recovery_key?: string}} RecoveryKit
 * @typedef {{key: string, value: any, default: any, source: "default" | "database" | "configuration", type: string, minimum: number | null, maximum: number | null, description: string, needs_restart: boolean, version: number, updated_at: string | null, updated_by: string | null}} Setting
 *
 * @typedef {{id: string, version: number, subject_type: string, subject_id: string | null, window: string, max_requests: number | null, max_tokens: number | null, max_cost_micros: number | null}} SpendLimit
 * @typedef {{requests: number, tokens: number, cost_micros: number}} Amount money in millionths of a dollar
 * @typedef {{limit: SpendLimit, ends_at: string, used: Amount, reserved: Amount}} Usage
 *
 * @typedef {{type: string, id: string}} Scope the id is empty where the type needs none
 * @typedef {{scope_type: string, scope_id: string | null, scope_name?: string | null, key: string, version: number}} ScopedEntry
 * @typedef {ScopedEntry & {id: string, value: any, value_type: string, updated_at: string, updated_by: string}} Preference
 * @typedef {ScopedEntry & {id: string, value: any, is_deleted: boolean, reason: string | null, actor: string, time: string}} PreferenceChange
 * @typedef {ScopedEntry & {value: any, value_type: string}} EffectiveItem
 * @typedef {ScopedEntry & {reason: string}} InvalidEntry
 * @typedef {{items: EffectiveItem[], masked: ScopedEntry[], invalid: InvalidEntry[], constraints: EffectiveItem[]}} EffectivePreferences
 */

/**
 * @template T
 * @typedef {{items: T[], next_cursor: string | null}} Page
 */

export {};
