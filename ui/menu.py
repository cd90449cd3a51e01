"""The window's menu bar: the same on each system, in the form that pywebview takes."""

from typing import TYPE_CHECKING, Any

from ui import on_qt

if TYPE_CHECKING:
    from ui.window import Window

GO = (
    ("Home", "/"), ("Chat", "/chat"), ("Tasks", "/tasks"), ("Schedules", "/schedules"),
    ("Sessions and runs", "/sessions"), ("Artifacts", "/artifacts"), ("Messaging", "/messaging"),
    ("Models", "/models"), ("Settings", "/settings"),
)  # fmt: skip


def menu(window: "Window") -> list[Any]:
    """pywebview's menus. They are built before the window; each entry is called in a thread of its own."""
    from webview.menu import Menu, MenuAction, MenuSeparator

    def go(title: str, path: str) -> Any:
        return MenuAction(title, lambda: window.open(path))

    zooming = [
        MenuAction("Larger", lambda: window.zoom(0.1)),
        MenuAction("Smaller", lambda: window.zoom(-0.1)),
        MenuAction("Usual size", lambda: window.zoom(0)),
    ]
    return [
        Menu("File", [
            go("New task", "/tasks/new"),
            MenuSeparator(),
            MenuAction("Close the window for good", window.close),
            MenuAction("Stop the gateway and quit", lambda: window.close(ends_gateway=True)),
        ]),
        Menu("Go", [go(title, path) for title, path in GO]),
        Menu("View", [
            MenuAction("Reload", window.reload),
            *(zooming if on_qt.is_here() else []),
            MenuAction("Full screen", window.full_screen),
        ]),
        Menu("Help", [
            MenuAction("Keys", lambda: window.order("keys")),
            go("What is there", "/settings/capabilities"),
            go("API", "/api"),
        ]),
    ]  # fmt: skip
