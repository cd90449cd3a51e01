"""The typed set of settings, declared once. A setting is listed here only when something obeys it."""

import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from gateway.core.config import Config
from gateway.core.errors import Invalid

Value = int | float | str | bool | dict[str, Any]

MODEL = re.compile(r"[^/\s]{1,100}/\S{1,100}")
ENDPOINT = re.compile(r"https?://[^\s/?#@\\]+(?:/[^\s?#\\]*)?")
A_WEEK_S = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Setting:
    """One operator setting.

    `names_models` is for a model's id, or an object with such ids as its names.
    `config_field` names the field of the process's configuration that, where it was given, decides instead.
    """

    key: str
    type: type[Any]
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    check: Callable[[Any], str | None] | None = None
    names_models: bool = False
    config_field: str | None = None

    @property
    def wire_type(self) -> str:
        """The JSON type of its value."""
        return {int: "integer", float: "number", str: "string", bool: "boolean", dict: "object"}[self.type]

    def accepted(self, value: Any) -> Value:
        """`value` as it is stored. Raises Invalid that says what is allowed."""
        if type(value) is not self.type and not (self.type is float and type(value) is int):
            raise Invalid.field("value", f"send {self._wanted()}")
        if isinstance(value, str | dict):
            problem = self.check(value) if self.check else None
            if problem:
                raise Invalid.field("value", problem)
        elif (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            raise Invalid.field("value", f"send {self._wanted()}")
        return float(value) if self.type is float else value

    def _wanted(self) -> str:
        kind = {
            "integer": "a whole number", "number": "a number", "string": "a text", "boolean": "true or false",
            "object": "an object",
        }  # fmt: skip
        span = f" from {self.minimum:.12g} to {self.maximum:.12g}" if self.minimum is not None and self.maximum else ""
        return kind[self.wire_type] + span


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def zone_problem(name: str) -> str | None:
    """What is wrong with the name of a time zone, in words."""
    return None if name in _zones() else "send the IANA name of a time zone, such as Europe/Berlin"


def _tool_calling_problem(value: str) -> str | None:
    return None if value in ("auto", "native", "prompted", "off") else "send auto, native, prompted or off"


def _model_problem(name: str) -> str | None:
    return None if MODEL.fullmatch(name) else "send PROVIDER/MODEL, as GET /v1/models lists them"


def _summary_model_problem(name: str) -> str | None:
    return None if name in ("", "none") else _model_problem(name)


def _endpoint_problem(url: str) -> str | None:
    wanted = "send http://HOST:PORT or https://HOST, to which /v1/traces is added, or an empty text"
    return None if not url or (ENDPOINT.fullmatch(url) and len(url) <= 500) else wanted


def _prices_problem(prices: dict[str, Any]) -> str | None:
    wanted = (
        'send {"PROVIDER/MODEL": {"input": …, "output": …}}, in US dollars a million tokens; PROVIDER/* is the rest'
    )
    for model, price in prices.items():
        if not MODEL.fullmatch(model) or not isinstance(price, dict) or set(price) != {"input", "output"}:
            return wanted
        if not all(type(figure) in (int, float) and 0 <= figure <= 1_000_000 for figure in price.values()):
            return wanted
    return None if len(prices) <= 1000 else "name at most 1000 models"


_PROCESS = {name: field.default for name, field in Config.model_fields.items()}

_DECLARED = (
    Setting("agents.max_context_tokens", int, 32_768, "longest conversation for a model that does not tell its window",
            minimum=1000, maximum=10**8),
    Setting("agents.max_cost_micros", int, 0, "millionths of a dollar that one prompt may cost; 0: no such limit",
            minimum=0, maximum=10**12),
    Setting("agents.max_steps", int, 60, "how often the agent may ask its model for one prompt",
            minimum=1, maximum=10_000),
    Setting("agents.max_tokens", int, 2_000_000, "tokens that the agent may read and write for one prompt",
            minimum=1000, maximum=10**10),
    Setting("agents.question_stay_s", float, 60.0, "seconds that the agent keeps its place while a question is open",
            minimum=0, maximum=A_WEEK_S),
    Setting("agents.question_wait_s", float, 86_400.0, "seconds that the agent waits for an answer to its question",
            minimum=1, maximum=A_WEEK_S),
    Setting("agents.remediation_rounds", int, 2, "how often an answer that fails its criteria is sent back",
            minimum=0, maximum=10),
    Setting("agents.tool_calling", str, "auto", "how models get tools: auto, native, prompted or off",
            check=_tool_calling_problem),
    Setting("backups.every_h", float, 0.0, "hours from one backup to the next; 0: none is made by itself",
            minimum=0, maximum=24 * 366),
    Setting("backups.folder", str, "", "where they go; empty: backups/ in the data directory"),
    Setting("backups.keep", int, 7, "how many of them are kept", minimum=1, maximum=1000),
    Setting("chat.connect_timeout_s", float, 5.0, "seconds a model's server may take to accept a connection",
            minimum=0.1, maximum=300),
    Setting("chat.default_model", str, _PROCESS["default_model"], "the model of prompts that name none",
            check=_model_problem, names_models=True, config_field="default_model"),
    Setting("chat.first_byte_timeout_s", float, 300.0, "seconds until a completion must begin, loading included",
            minimum=0.1, maximum=86_400),
    Setting("chat.retries", int, 2, "how often a completion is tried again before its first byte",
            minimum=0, maximum=20),
    Setting("chat.timeout_s", float, 1800.0, "seconds that a completion may take in all",
            minimum=0.1, maximum=86_400),
    Setting("limits.requests_per_minute", int, 60_000, "requests a user may make in a minute; 0 is no limit",
            minimum=0, maximum=10_000_000),
    Setting("limits.token_requests_per_minute", int, 60_000, "requests an API token may make in a minute",
            minimum=0, maximum=10_000_000),
    Setting("limits.concurrent_requests", int, 512, "requests of a user that are answered at once",
            minimum=0, maximum=100_000),
    Setting("limits.open_streams", int, 2_000, "live streams and WebSockets that a user holds open",
            minimum=0, maximum=100_000),
    Setting("limits.token_open_streams", int, 2_000, "live streams and WebSockets that an API token holds open",
            minimum=0, maximum=100_000),
    Setting("limits.queue_share", int, 10_000, "unfinished tasks that a user may have", minimum=0, maximum=1_000_000),
    Setting("limits.spending_stopped", bool, False, "whether calls of models that cost money are refused"),
    Setting("logs.grace_s", float, 60.0, "seconds that a finished run's log still takes entries",
            minimum=0, maximum=A_WEEK_S),
    Setting("logs.max_run_bytes", int, 256 * 2**20, "size at which the log of one run is cut",
            minimum=1024, maximum=2**40),
    Setting("otlp_endpoint", str, "", "OpenTelemetry collector that is told of runs (OTLP/HTTP); empty: none",
            check=_endpoint_problem),
    Setting("processes.forward_ports", bool, False, "whether ports of sandboxes may be reached on the node's loopback"),
    Setting("providers.prices", dict, {}, "what models cost, in US dollars a million tokens", check=_prices_problem,
            names_models=True),
    Setting("schedules.history_days", int, 365, "days that outcomes of planned times are kept; 0: for ever",
            minimum=0, maximum=36_500),
    Setting("sessions.rest_s", float, 900.0, "seconds without work after which a session is summarized; 0: never",
            minimum=0, maximum=A_WEEK_S),
    Setting("sessions.summary_days", int, 0, "days that such a summary is kept; 0: as long as its session",
            minimum=0, maximum=36_500),
    Setting("sessions.summary_model", str, "", "the model that makes it; empty: the default one, none: no model",
            check=_summary_model_problem, names_models=True),
    Setting("tasks.default_timeout_s", float, _PROCESS["task_timeout_s"], "time limit of a task that names none",
            minimum=1, maximum=A_WEEK_S, config_field="task_timeout_s"),
    Setting("tasks.max_timeout_s", float, float(A_WEEK_S), "longest time limit that a task may name",
            minimum=1, maximum=A_WEEK_S),
    Setting("time_zone", str, "UTC", "time zone of whoever and whatever has none of its own", check=zone_problem),
)  # fmt: skip

KNOWN: dict[str, Setting] = {setting.key: setting for setting in sorted(_DECLARED, key=lambda item: item.key)}
"""Every setting by its key, in the order of the keys."""
