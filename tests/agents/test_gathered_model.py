"""A server that notices only of streams that nobody waits any more is always asked for one."""

import asyncio
import json

from pydantic_ai.messages import ModelRequest, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.settings import ModelSettings

from gateway.adapters.providers.base import Upstream
from gateway.features.agents.metered_model import speaking_to
from tests.providers.scripted_server import DONE, Exchange, chunk, scripted_server

READ = {"prompt_progress": {"total": 9, "processed": 4}}


def answer(exchange: Exchange) -> None:
    exchange.begin()
    for piece in (chunk(**READ), chunk("It is "), chunk("42."), chunk(finish_reason="stop")):
        exchange.write(piece)
    exchange.write(chunk(usage={"prompt_tokens": 9, "completion_tokens": 4, "total_tokens": 13}))
    exchange.write(DONE)


def test_a_whole_answer_is_gathered_from_a_stream() -> None:
    settings = ModelSettings(extra_body={"response_format": {"type": "json_object"}})
    with scripted_server(answer) as server:
        upstream = Upstream(f"{server.url}/v1", "small", asked_of_streams={"return_progress": True})
        question = [ModelRequest([UserPromptPart("What is 6 times 7?")])]
        asking = speaking_to(upstream, 5).request(question, settings, ModelRequestParameters())
        reply = asyncio.run(asking)
    [asked] = [json.loads(exchange.body) for exchange in server.requests]
    assert reply.text == "It is 42."
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (9, 4)
    assert (asked["stream"], asked["return_progress"], asked["stream_options"]) == (True, True, {"include_usage": True})
    assert asked["response_format"] == {"type": "json_object"}
