"""A look into the window's page from outside, over the web view's own debugging port."""

import base64
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import websocket

from tests.conftest import wait_until


class WebView:
    """The page that the window shows."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: websocket.WebSocket | None = None
        self._number = 0

    def attach(self, timeout_s: float) -> "WebView":
        """Waits for the window's page."""
        address = wait_until(self._address, timeout_s)
        self._socket = websocket.create_connection(address, timeout=20, suppress_origin=True, http_no_proxy=["*"])
        return self

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression; a promise is awaited. None while a page is being left."""
        answer = self._send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return answer.get("result", {}).get("result", {}).get("value")

    def wait(self, expression: str, timeout_s: float = 30) -> Any:
        """Waits until the expression is true; returns its value."""
        return wait_until(lambda: self.evaluate(expression), timeout_s)

    def click(self, selector: str, text: str = "") -> None:
        """Presses the mouse on the element with that text, once it keeps its place and nothing lies over it."""
        self._wait_until_it_is_painted()
        place = self.wait(
            f"""(async () => {{
              const wanted = (e) => e.textContent.trim().includes({json.dumps(text)});
              const found = () => [...document.querySelectorAll({json.dumps(selector)})].find(wanted);
              const middle = () => {{
                const box = found()?.getBoundingClientRect();
                return box?.width ? [box.x + box.width / 2, box.y + box.height / 2] : null;
              }};
              const before = middle();
              await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
              const now = middle();
              const stays = before && now && before.join() === now.join();
              return stays && found().contains(document.elementFromPoint(...now)) ? now : null;
            }})()"""
        )
        for kind in ("mousePressed", "mouseReleased"):
            self._send("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def click_what_closes(self, selector: str, text: str = "") -> None:
        """Like `click` on what ends the window, which may be gone before it has answered the mouse."""
        with suppress(websocket.WebSocketConnectionClosedException, ConnectionError):
            self.click(selector, text)

    def type(self, text: str) -> None:
        """Types into the focused field."""
        self._send("Input.insertText", text=text)

    def drop(self, file: Path, x: int, y: int) -> None:
        """Drags a file onto the window, and lets go of it."""
        self._wait_until_it_is_painted()
        data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            self._send("Input.dispatchDragEvent", type=kind, x=x, y=y, data=data)

    def screenshot(self, path: Path) -> None:
        """Writes what the page looks like as PNG."""
        path.write_bytes(base64.b64decode(self._send("Page.captureScreenshot")["result"]["data"]))

    def close(self) -> None:
        """Leaves the page alone."""
        if self._socket is not None:
            self._socket.close()

    def _wait_until_it_is_painted(self) -> None:
        """Chromium hands no input on to a page before that: nobody could have meant what they do not see."""
        self.wait("performance.getEntriesByType('paint').length")

    def _address(self) -> str | None:
        try:
            pages = httpx.get(f"http://127.0.0.1:{self._port}/json", trust_env=False).json()
        except httpx.TransportError:
            return None
        return pages[0]["webSocketDebuggerUrl"] if pages else None

    def _send(self, method: str, **params: Any) -> dict[str, Any]:
        assert self._socket is not None
        self._number += 1
        self._socket.send(json.dumps({"id": self._number, "method": method, "params": params}))
        while (answer := json.loads(self._socket.recv())).get("id") != self._number:
            pass
        return answer  # type: ignore[no-any-return]
