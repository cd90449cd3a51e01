"""A model server that answers at once, so that only what stands before it is measured.

Prints its port and serves OpenAI's protocol until killed. A stream has
CHUNKS pieces; the model `gap` pauses GAP_S between them, any other sends them as fast as they are taken.
"""

import asyncio
import json

CHUNKS = 50
GAP_S = 0.02
ANSWER = "Twelve words of text are enough to look like a real answer."


def event(delta: dict[str, str], finish: str | None = None) -> bytes:
    """One chunk of a stream."""
    chunk = {
        "id": "chatcmpl-bench", "object": "chat.completion.chunk", "created": 1700000000, "model": "bench",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


EVENTS = [event({"role": "assistant", "content": ""}), *[event({"content": "word "})] * CHUNKS, event({}, "stop")]
WHOLE = {
    "id": "chatcmpl-bench", "object": "chat.completion", "created": 1700000000, "model": "bench",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 12, "total_tokens": 32},
}  # fmt: skip
MODELS = {
    "object": "list",
    "data": [{"id": name, "object": "model", "created": 1700000000, "owned_by": "bench"} for name in ("fast", "gap")],
}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, kept as long as the client wants."""
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            body = await _body(reader, head)
            if b"/chat/completions" not in head.partition(b"\r\n")[0]:
                _send_json(writer, MODELS)
            elif body.get("stream"):
                await _send_stream(writer, GAP_S if body["model"] == "gap" else 0.0)
            else:
                _send_json(writer, WHOLE)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def _body(reader: asyncio.StreamReader, head: bytes) -> dict[str, object]:
    lower = head.lower()
    if b"transfer-encoding: chunked" in lower:
        data = b""
        while size := int(await reader.readline(), 16):
            data += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    else:
        data = await reader.readexactly(int(lower.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0))
    return json.loads(data or b"{}")  # type: ignore[no-any-return]


def _send_json(writer: asyncio.StreamWriter, answer: object) -> None:
    content = json.dumps(answer).encode()
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(content))
    writer.write(content)


async def _send_stream(writer: asyncio.StreamWriter, gap_s: float) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    for piece in (*EVENTS, b"data: [DONE]\n\n"):
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
        if gap_s:
            await asyncio.sleep(gap_s)
    writer.write(b"0\r\n\r\n")


async def main() -> None:
    """Serves until killed."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=1 << 22, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
