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
 * @property {{id: string, handle: string, display_name: string, roles: string[], has_password?: boolean}} user
 * @property {string | null} csrf_token
 * @property {boolean} [first_run]
 * @property {string[]} [actions]
 *
 * @typedef {{id: string, owned_by?: string}} Model
 */

/**
 * @template T
 * @typedef {{items: T[], next_cursor: string | null}} Page
 */

export {};
