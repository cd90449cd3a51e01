"""How page and window talk: the page asks, the window answers, and the window has orders for the page.

pywebview builds its JavaScript functions from strings, which the console's Content-Security-Policy forbids. So a
question travels as a change of pywebview's shared state; answers and orders are events of the page.

pywebview hands that state to each new page as text between single quotes, and escapes nothing: a question is written
with neither quotes nor backslashes, else the next page would have no state at all.
"""

import json
from collections.abc import Callable
from threading import Thread
from typing import Any
from urllib.parse import unquote

Ask = Callable[[str, Any], Any]
"""Answers a question of the page: its name and what came with it, both untrusted."""

PAGE_SIDE = """
if (location.origin === %(origin)s && !window.gatewayDesktop) {
  let asked = 0;
  window.gatewayDesktop = {
    ask: (name, value) => new Promise((resolve) => {
      const id = `${performance.timeOrigin} ${++asked}`;
      const heard = ({ detail }) => {
        if (detail.id !== id) return;
        window.removeEventListener("desktop-answer", heard);
        resolve(detail.answer);
      };
      window.addEventListener("desktop-answer", heard);
      const question = JSON.stringify({ id, name, value: value ?? null });
      window.pywebview.state.asked = encodeURIComponent(question).replaceAll("'", "%%27");
    }),
  };
  window.dispatchEvent(new Event("desktop-ready"));
}
"""
TELL = """
if (location.origin === %(origin)s) window.dispatchEvent(new CustomEvent(%(event)s, { detail: %(detail)s }));
"""


class Bridge:
    """The window's end. Answers are worked out in a thread of their own, so that the window never waits for them."""

    def __init__(self, window: Any, origin: str, ask: Ask) -> None:
        self._window = window
        self._origin = json.dumps(origin)
        self._ask = ask
        window.events.loaded += self._install
        window.state += self._asked

    def order(self, what: str, **more: Any) -> None:
        """Has the page do something; a page of nobody signed in does nothing."""
        self._tell("desktop-order", {"do": what, **more})

    def _install(self) -> None:
        self._window.run_js(PAGE_SIDE % {"origin": self._origin})

    def _asked(self, _kind: str, key: str, value: Any) -> None:
        if key == "asked":
            question = json.loads(unquote(value))
            answer = self._ask(question["name"], question["value"])
            self._tell("desktop-answer", {"id": question["id"], "answer": answer})

    def _tell(self, event: str, detail: dict[str, Any]) -> None:
        script = TELL % {"origin": self._origin, "event": json.dumps(event), "detail": json.dumps(detail)}
        # run_js waits for the page: never in the window's own thread, nor in one that the process would wait for.
        Thread(target=self._window.run_js, args=(script,), daemon=True).start()
