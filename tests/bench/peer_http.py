"""The peer over HTTP: bare Flask under gevent, with a route of JSON, one for posts, and a plain file in and out.

`python peer_http.py FOLDER` prints its port and serves until killed.
"""

import socket
import sys
from pathlib import Path
from typing import Any

from gevent import monkey

monkey.patch_all()

from flask import Flask, Response, jsonify, request, send_file  # noqa: E402 - after the patching
from gevent.pywsgi import WSGIHandler, WSGIServer  # noqa: E402

CHUNK = 256 * 1024
app = Flask(__name__)
folder = Path(sys.argv[1])


class Handler(WSGIHandler):  # type: ignore[misc]
    """As the gateway's: small answers leave at once."""

    def __init__(self, sock: Any, address: Any, server: Any, rfile: Any = None) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(sock, address, server, rfile)


@app.get("/json")
def small() -> Response:
    return jsonify(id="0192", handle="owner", display_name="Owner", roles=["owner"], is_active=True, version=1)


@app.post("/file")
def upload() -> Response:
    with (folder / "copy.bin").open("wb") as file:
        while chunk := request.stream.read(CHUNK):
            file.write(chunk)
    return jsonify(size=(folder / "copy.bin").stat().st_size)


@app.post("/hook")
def hook() -> Response:
    request.get_data()
    return Response(status=204)


@app.get("/file")
def download() -> Response:
    return send_file(folder / "copy.bin", mimetype="application/octet-stream")


if __name__ == "__main__":
    server = WSGIServer(("127.0.0.1", 0), app, handler_class=Handler, log=None)
    server.init_socket()
    print(server.server_port, flush=True)
    server.serve_forever()
