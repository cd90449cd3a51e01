"""The command line, and the only place where gateway and console are put together."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gateway.command_line import accounts, assets, keys, models, upkeep
from gateway.command_line.options import as_defaults, config, read_labels, read_name, with_options
from gateway.command_line.usage import Application

if TYPE_CHECKING:
    from flask import Flask

    from ui.desktop import Gateway

APP = Path(__file__).resolve()

# Nearly all that is made at a start stays: looking for garbage among it, again and again, takes a tenth of its time.
gc.set_threshold(50_000, 10, 10)


@click.group(cls=Application, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.option("--hidden", is_flag=True, help="Wait in the tray instead of showing the window.")
@with_options("data_dir", "port")
@click.pass_context
def main(ctx: click.Context, debug: bool, hidden: bool, data_dir: Path | None, port: int | None) -> None:
    """The User API Gateway. Without a command: opens the window."""
    ctx.obj = {"data_dir": data_dir, "port": port, "hidden": hidden}
    ctx.default_map = as_defaults(main, {"data_dir": data_dir, "port": port})
    if ctx.invoked_subcommand is None:
        ctx.exit(_open_window(ctx.obj, None))


for command in (
    accounts.token, accounts.user, keys.key, models.model,
    upkeep.backup, upkeep.restore, upkeep.rehearse, upkeep.doctor,
):  # fmt: skip
    main.add_command(command)


@main.command("open")
@click.argument("link")
@click.pass_context
def open_link(ctx: click.Context, link: str) -> None:
    """Opens a link such as uag://task/ID in the window; starts it where it is not open."""
    from ui.links import path_of

    path = path_of(link)
    if path is None:
        raise click.BadParameter("no link of the gateway; they look like uag://task/ID.", param_hint="LINK")
    ctx.exit(_open_window(ctx.obj, path))


@main.command()
@with_options("host", "port", "data_dir", "database_url")
@click.option("--no-node", is_flag=True, help="Start no worker node beside the gateway.")
@click.option("--wait", is_flag=True, help="Where another gateway has the data directory, wait until it has ended.")
@with_options("beside")
def serve(no_node: bool, wait: bool, beside: bool, **options: Any) -> None:
    """The gateway in the foreground."""
    assets.build(APP.parent)
    from gevent import monkey

    monkey.patch_all()
    from gateway.serving import serve as run

    given = config(node=False if no_node else None, **options)
    run(given, app_file=APP, add_pages=_add_pages, beside=beside, wait=wait)


@main.command()
@with_options("data_dir", "database_url")
@click.option("--name", callback=read_name, help="The node's name; the machine's name by default.")
@click.option("--join", metavar="URL", help="The gateway that carries files, where its directory is not shared.")
@click.option(
    "--label", "labels", multiple=True, callback=read_labels, metavar="K=V", help="A label that tasks can ask for."
)
@click.option("--concurrency", type=click.IntRange(1, 256), help="Jobs to run at once.")
@with_options("beside")
def node(name: str | None, labels: dict[str, str], concurrency: int | None, beside: bool, **options: Any) -> None:
    """A worker node for a gateway, on this or another machine."""
    from gateway.node import main as process

    process.start(config(node_concurrency=concurrency, **options), name=name, labels=labels, beside=beside)


@main.command(hidden=True)
@with_options("data_dir", "database_url")
def migrate(**options: Any) -> None:
    """Brings the schema to this release's, for a gateway that starts."""
    from gateway.commands import migration

    migration.run(config(**options), APP.parent / "migrations")


@main.command()
@with_options("data_dir")
def mcp(data_dir: Path | None) -> None:
    """The MCP server over standard input and output, for desktop clients."""
    from gateway.commands import mcp as bridge

    with _running(data_dir) as gateway:
        bridge.run(gateway.url, gateway.sign_in_code, *bridge.standard_streams())


@main.command()
@click.option("--client", "clients", multiple=True, metavar="ID", help="Only this client, such as open-webui.")
@click.option("--model", help="The model to try it with; the default model when absent.")
@with_options("data_dir")
def conformance(clients: tuple[str, ...], model: str | None, data_dir: Path | None) -> None:
    """Tries the gateway's OpenAI routes as common clients use them."""
    from gateway.commands import conformance as lab

    with _running(data_dir) as gateway:
        passed = lab.report(gateway.url, gateway.sign_in_code, clients, model, click.echo)
    sys.exit(0 if passed else 1)


@main.command()
def openapi() -> None:
    """Prints the OpenAPI document."""
    from gateway.application import openapi_document

    click.echo(openapi_document())


def _open_window(given: dict[str, Any], path: str | None) -> int:
    assets.build(APP.parent)  # here, where it is seen that this takes its time: what the gateway says is read later
    from gateway.core.data_dir import DataDir
    from ui import switches
    from ui.desktop import Opening, open_gateway

    directory = DataDir(config(data_dir=given["data_dir"], port=given["port"]).data_dir)
    storage = directory.path / "window"
    own = switches.of(storage, [sys.executable, str(APP), "--data-dir", str(directory.path)])
    serving = _serving(directory.path, given["port"])
    return open_gateway(serving, directory.published, Opening(storage, own, path, given["hidden"]))


@contextmanager
def _running(data_dir: Path | None) -> "Iterator[Gateway]":
    """The gateway of this directory, started for as long as the block lasts where none runs."""
    assets.build(APP.parent)
    from gateway.core.data_dir import DataDir
    from ui.desktop import joined

    directory = DataDir(config(data_dir=data_dir).data_dir)
    with joined(_serving(directory.path), directory.published) as gateway:
        yield gateway


def _serving(data_dir: Path, port: int | None = None) -> list[str]:
    """The command of a gateway that ends with its standard input."""
    serve = [sys.executable, str(APP), "serve", "--beside", "--data-dir", str(data_dir)]
    return serve if port is None else [*serve, "--port", str(port)]


def _add_pages(app: "Flask") -> None:
    from gateway.application import add_pages
    from ui.pages import blueprint

    add_pages(app, blueprint())


if __name__ == "__main__":
    main(prog_name="app.py")
