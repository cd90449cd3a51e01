"""The simulated clients: what each sends, and what it does with the answer.

Open WebUI's requests are as recorded from version 0.12; the others are those of the library that the client uses.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .protocol import Answer, completion, good, model_list, refusal, require, stream

CHAT = "/v1/chat/completions"
ANSWER_TOKENS = 8
"""The lab is about shapes; a few tokens are enough, and cost next to nothing."""


@dataclass(frozen=True)
class Ask:
    """One request as a client makes it; `model` is put in where the body has the key."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """One thing that a client does. `judge` raises Wrong; it is given the answer and the model that was asked."""

    name: str
    about: str
    ask: Callable[[str], Ask]
    judge: Callable[[Answer, str], object]
    needs_model: bool = True


@dataclass(frozen=True)
class Client:
    """A program that speaks OpenAI's protocol."""

    id: str
    name: str
    about: str
    cases: tuple[Case, ...]


def _says(text: str = "Say hello.") -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}]


_SYSTEM = {"role": "system", "content": "You are an expert. Answer briefly."}


def _in_parts(*texts: str) -> list[dict[str, Any]]:
    return [{"role": "user", "content": [{"type": "text", "text": text} for text in texts]}]


def _with_tool_result() -> list[dict[str, Any]]:
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"query": "Oslo"}'}}
    return [
        *_says("What is the weather in Oslo?"),
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "Rain, 4 degrees."},
    ]


def _chat(headers: dict[str, str], **body: Any) -> Callable[[str], Ask]:
    short = {} if "max_completion_tokens" in body else {"max_tokens": ANSWER_TOKENS}
    return lambda model: Ask("POST", CHAT, {"model": model, **short, **body}, headers)


def _get(path: str, headers: dict[str, str]) -> Callable[[str], Ask]:
    return lambda model: Ask("GET", path.format(model=model), None, headers)


def _whole(answer: Answer, model: str) -> object:
    return completion(answer, model)


def _streamed(answer: Answer, _model: str) -> object:
    return stream(answer, usage=False)


def _counted(answer: Answer, _model: str) -> object:
    return stream(answer, usage=True)


def _lists(answer: Answer, model: str) -> object:
    names = model_list(answer)
    require(not model or model in names, f"{model} is not listed, so the client cannot choose it")
    return names


def _one_model(answer: Answer, model: str) -> object:
    found = good(answer)
    require(found.get("id") == model and found.get("object") == "model", "it is not the model that was asked for")
    return found


def _no_thoughts(answer: Answer, model: str) -> object:
    text = completion(answer, model).get("content") or ""
    require("<think>" not in text, "thinking tags are in the answer, which the client reads as JSON")
    return text


def _response(answer: Answer, model: str) -> object:
    found = good(answer)
    require(found.get("object") == "response", f"object is {found.get('object')!r}, not 'response'")
    require(found.get("model") == model, f"model is {found.get('model')!r}, but {model!r} was asked")
    kinds = [item.get("type") for item in found.get("output", [])]
    require("message" in kinds or "function_call" in kinds, "output holds no message")
    return found


def _vectors_or_refusal(answer: Answer, _model: str) -> None:
    if answer.status != 200:
        refusal(answer, 400, 404, 422, 501)
    else:
        data = good(answer).get("data")
        require(data and isinstance(data[0].get("embedding"), list), "there is no embedding")


def _unknown_model(headers: dict[str, str], **body: Any) -> Case:
    name = "nobody/no-such-model"
    return Case(
        "A model that is not there",
        "Refused before the first byte by an error that names it, also where a stream was asked for.",
        lambda _: Ask("POST", CHAT, {"model": name, "messages": _says(), **body}, headers),
        lambda answer, _: refusal(answer, 400, 404, 422, names=name),
        needs_model=False,
    )


def _tool(name: str) -> dict[str, Any]:
    parameters = {"type": "object", "properties": {"query": {"type": "string"}}, "required": ["query"]}
    return {"type": "function", "function": {"name": name, "description": f"To {name}.", "parameters": parameters}}


WEBUI = {
    "User-Agent": "Python/3.12 aiohttp/3.11", "X-OpenWebUI-User-Name": "Ann", "X-OpenWebUI-User-Role": "user",
    "X-OpenWebUI-User-Id": "6b0b3c9e", "X-OpenWebUI-User-Email": "ann@example.com", "X-OpenWebUI-Chat-Id": "c1",
}  # fmt: skip
OPENAI = {
    "User-Agent": "OpenAI/Python 1.109", "X-Stainless-Lang": "python", "X-Stainless-Package-Version": "1.109.1",
    "X-Stainless-Runtime": "CPython", "X-Stainless-Retry-Count": "0", "X-Stainless-Async": "false",
}  # fmt: skip
CONTINUE = {"User-Agent": "continue/1.2", "x-api-key": ""}
CLINE = {"User-Agent": "OpenAI/JS 4.96", "X-Stainless-Lang": "js", "X-Title": "Cline"}
AIDER = {"User-Agent": "litellm/1.72", "HTTP-Referer": "https://aider.chat", "X-Title": "Aider"}
LANGCHAIN = {**OPENAI, "X-Stainless-Raw-Response": "true"}
N8N = {"User-Agent": "OpenAI/JS 6.9", "X-Stainless-Lang": "js", "X-Stainless-Runtime": "node"}
HOME_ASSISTANT = {**OPENAI, "X-Stainless-Async": "async:asyncio"}

JSON_SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "greeting", "schema": {"type": "object", "properties": {"text": {"type": "string"}}}},
}

CLIENTS: tuple[Client, ...] = (
    Client(
        "open-webui", "Open WebUI", "Chat in the browser, for many users with one key.",
        (
            Case(
                "List of models", "Asked for at every page load; a failing list is shown as an empty one.",
                _get("/v1/models", WEBUI), _lists,
            ),
            Case(
                "Chat with fields of its own", "Fields that OpenAI does not have, and an empty list of tools.",
                _chat(
                    WEBUI, messages=_says(), stream=True, tools=[], top_k=40, num_ctx=4096, keep_alive="5m",
                    think=False, metadata={"chat_id": "c1", "nested": {"any": ["thing"]}},
                ),
                _streamed,
            ),
            Case(
                "Chat with 36 tools", "Every chat carries the built-in tools, even for a greeting.",
                _chat(WEBUI, messages=_says(), stream=True, tools=[_tool(f"look_up_{n}") for n in range(36)]),
                _streamed,
            ),
            Case(
                "Title of a chat", "A background request that is marked by its words alone; thoughts would break it.",
                _chat(
                    WEBUI, messages=_says('### Task:\nGive a title as JSON: {"title": "…"}'),
                    max_completion_tokens=ANSWER_TOKENS,
                ),
                _no_thoughts,
            ),
            _unknown_model(WEBUI, stream=True),
        ),
    ),
    Client(
        "openai", "openai SDK", "OpenAI's own library, under most programs in Python and JavaScript.",
        (
            Case("models.list()", "All fields of every model.", _get("/v1/models", OPENAI), _lists),
            Case("models.retrieve()", "One, whose id has a slash.", _get("/v1/models/{model}", OPENAI), _one_model),
            Case("Completion", "Role, finish_reason and usage.", _chat(OPENAI, messages=_says()), _whole),
            Case("Stream", "No chunk that was not asked for.", _chat(OPENAI, messages=_says(), stream=True), _streamed),
            Case(
                "Stream with usage", "One last chunk with usage and without choices.",
                _chat(OPENAI, messages=_says(), stream=True, stream_options={"include_usage": True}), _counted,
            ),
            Case(
                "responses.create()", "The newer route of the same library.",
                lambda model: Ask(
                    "POST", "/v1/responses",
                    {"model": model, "input": "Say hello.", "max_output_tokens": 2 * ANSWER_TOKENS}, OPENAI,
                ),
                _response,
            ),
            _unknown_model(OPENAI),
        ),
    ),
    Client(
        "continue", "Continue", "Assistant in VS Code and JetBrains.",
        (
            Case(
                "Question about code", "A system message and stop words.",
                _chat(CONTINUE, messages=[_SYSTEM, *_says("What does x += 1 do?")], stream=True, stop=["\n\n\n"]),
                _streamed,
            ),
            Case(
                "Content in parts", "A message whose content is a list.",
                _chat(CONTINUE, messages=_in_parts("What is", "print(1)?"), stream=True), _streamed,
            ),
            _unknown_model(CONTINUE, stream=True),
        ),
    ),
    Client(
        "cline", "Cline", "Agent in VS Code.",
        (
            Case(
                "Turn of the agent", "A system prompt, parts, and usage for the price.",
                _chat(
                    CLINE, messages=[_SYSTEM, *_in_parts("<task>Say hello.</task>", "<environment_details />")],
                    stream=True, stream_options={"include_usage": True}, temperature=0,
                ),
                _counted,
            ),
            _unknown_model(CLINE, stream=True, stream_options={"include_usage": True}),
        ),
    ),
    Client(
        "aider", "aider", "Pair programming in the terminal.",
        (
            Case(
                "Edit", "A conversation that goes on, with a system message again at its end.",
                _chat(
                    AIDER, stream=True, temperature=0,
                    messages=[
                        _SYSTEM, *_says("I switched to a new code base."), {"role": "assistant", "content": "Ok."},
                        *_says("Add a line."), _SYSTEM,
                    ],
                ),
                _streamed,
            ),
            Case("Commit message", "A whole answer.", _chat(AIDER, messages=[_SYSTEM, *_says("diff")]), _whole),
            _unknown_model(AIDER, stream=True),
        ),
    ),
    Client(
        "langchain", "LangChain", "ChatOpenAI and its agents.",
        (
            Case(
                "Agent with tools", "Tools of its own; calls, where the model makes some, have ids and indices.",
                _chat(
                    LANGCHAIN, messages=_says("What is the weather in Oslo?"), tools=[_tool("get_weather")],
                    tool_choice="auto", stream=True, stream_options={"include_usage": True},
                ),
                _counted,
            ),
            Case(
                "Structured output", "response_format with a JSON Schema.",
                _chat(LANGCHAIN, messages=_says("Greet as JSON."), response_format=JSON_SCHEMA, n=1), _whole,
            ),
            Case(
                "Tool results", "The turn after a call: content null, and an answer of the tool.",
                _chat(LANGCHAIN, messages=_with_tool_result()), _whole,
            ),
            Case(
                "Embeddings", "Vectors, or a refusal that says that this model has none.",
                lambda model: Ask("POST", "/v1/embeddings", {"model": model, "input": ["a", "b"]}, LANGCHAIN),
                _vectors_or_refusal,
            ),
        ),
    ),
    Client(
        "n8n", "n8n", "Workflows; its node lists the models in a menu.",
        (
            Case("Menu of models", "The list, for the menu.", _get("/v1/models", N8N), _lists),
            Case(
                "Message a model", "A whole answer, with penalties and a top_p that are always sent.",
                _chat(N8N, messages=_says(), temperature=0.7, top_p=1, frequency_penalty=0, presence_penalty=0), _whole,
            ),
            Case(
                "Message a model, newer node", "The same by /v1/responses.",
                lambda model: Ask(
                    "POST", "/v1/responses",
                    {"model": model, "input": _says(), "max_output_tokens": 2 * ANSWER_TOKENS, "store": False}, N8N,
                ),
                _response,
            ),
        ),
    ),
    Client(
        "home-assistant", "Home Assistant", "Voice and text assistants of a home.",
        (
            Case(
                "Command in a room", "Tools of the home and a user id, as a stream.",
                _chat(
                    HOME_ASSISTANT, messages=[_SYSTEM, *_says("Turn on the light.")], tools=[_tool("HassTurnOn")],
                    stream=True, user="01J", stream_options={"include_usage": True},
                ),
                _counted,
            ),
            _unknown_model(HOME_ASSISTANT),
        ),
    ),
)  # fmt: skip

BY_ID = {client.id: client for client in CLIENTS}
