"""The command line, and the only place where gateway and console are put together."""

import gc
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import timedelta

    from flask import Flask

    from gateway.core.config import Config

APP = Path(__file__).resolve()

# Nearly all that is made at a start stays: looking for garbage among it, again and again, takes a tenth of its time.
gc.set_threshold(50_000, 10, 10)


class Application(click.Group):
    """Turns every failure into one line on standard error with its exit code (docs/command-line.md)."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Reads what stands before the command."""
        with _bad_usage_in_one_line():
            return super().make_context(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; `--debug` shows the traceback instead."""
        from gateway.core.errors import AlreadyRunning, GatewayError, MissingPart

        try:
            with _bad_usage_in_one_line():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if ctx.params.get("debug"):
                raise
            code = 3 if isinstance(error, AlreadyRunning) else 4 if isinstance(error, MissingPart) else 1
            message = getattr(error, "detail", None) or " ".join(str(error).split()) or type(error).__name__
            known = isinstance(error, GatewayError) or code != 1 or type(error).__module__.startswith("gateway.")
            click.echo(message if known else f"Failed: {message}. Run it again with --debug for details.", err=True)
            ctx.exit(code)


@contextmanager
def _bad_usage_in_one_line() -> Iterator[None]:
    """Instead of the command's usage: what is wrong, and where to read on."""
    try:
        yield
    except click.exceptions.NoArgsIsHelpError:
        raise
    except click.UsageError as error:
        if error.ctx is None:
            raise
        wrong = error.format_message()
        end = "" if wrong.endswith((".", "?")) else "."
        raise click.UsageError(f"{wrong}{end} `{error.ctx.command_path} --help` shows how.") from error


def _config(**options: Any) -> "Config":
    from gateway.core.config import Config

    return Config.load(**options)


def _options(*names: str) -> Any:
    known = {
        "data_dir": click.option(
            "--data-dir", type=click.Path(path_type=Path), help="The directory that holds everything."
        ),
        "database_url": click.option("--database-url", help="PostgreSQL 15 or newer instead of the embedded one."),
        "host": click.option("--host", help="Address to listen on."),
        "port": click.option("--port", type=click.IntRange(0, 65535), help="Port to listen on; 0 takes a free one."),
        "beside": click.option(
            "--beside", is_flag=True, hidden=True, help="End with the process at the other end of standard input."
        ),
        "name": click.option("--name", required=True, help="What it is for."),
    }

    def add(command: Any) -> Any:
        for name in reversed(names):
            command = known[name](command)
        return command

    return add


@click.group(cls=Application, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.option("--hidden", is_flag=True, help="Wait in the tray instead of showing the window.")
@_options("data_dir", "port")
@click.pass_context
def main(ctx: click.Context, debug: bool, hidden: bool, data_dir: Path | None, port: int | None) -> None:
    """The User API Gateway. Without a command: opens the window."""
    ctx.obj = {"data_dir": data_dir, "port": port, "hidden": hidden}
    if ctx.invoked_subcommand is None:
        ctx.exit(_open_window(ctx.obj, None))


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


def _open_window(options: dict[str, Any], path: str | None) -> int:
    from gateway.core.data_dir import DataDir
    from ui import switches
    from ui.desktop import Opening, open_gateway

    directory = DataDir(_config(data_dir=options["data_dir"], port=options["port"]).data_dir)
    this = [sys.executable, str(APP)]
    serve = [*this, "serve", "--beside", "--data-dir", str(directory.path)]
    if options["port"] is not None:
        serve += ["--port", str(options["port"])]
    storage = directory.path / "window"
    own = switches.of(storage, [*this, "--data-dir", str(directory.path)])
    return open_gateway(serve, directory.published, Opening(storage, own, path, options["hidden"]))


@main.command()
@_options("host", "port", "data_dir", "database_url")
@click.option("--no-node", is_flag=True, help="Start no worker node beside the gateway.")
@_options("beside")
def serve(no_node: bool, beside: bool, **options: Any) -> None:
    """The gateway in the foreground."""
    _build_assets()
    from gevent import monkey

    monkey.patch_all()
    from gateway.serving import serve as run

    run(_config(node=False if no_node else None, **options), app_file=APP, add_pages=_add_pages, beside=beside)


def _labels(ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    if wrong := [text for text, (key, equals, _) in zip(texts, pairs, strict=True) if not key or not equals]:
        raise click.BadParameter(f"{wrong[0]!r} is not of the form K=V.")
    return {key: value for key, _, value in pairs}


@main.command()
@_options("data_dir", "database_url")
@click.option("--name", help="The node's name; the machine's name by default.")
@click.option("--join", metavar="URL", help="The gateway that carries files, where its directory is not shared.")
@click.option(
    "--label", "labels", multiple=True, callback=_labels, metavar="K=V", help="A label that tasks can ask for."
)
@click.option("--concurrency", type=click.IntRange(1, 256), help="Jobs to run at once.")
@_options("beside")
def node(name: str | None, labels: dict[str, str], concurrency: int | None, beside: bool, **options: Any) -> None:
    """A worker node for a gateway, on this or another machine."""
    from gateway.node import main as process

    process.start(_config(node_concurrency=concurrency, **options), name=name, labels=labels, beside=beside)


def _lifetime(ctx: click.Context, option: click.Parameter, text: str | None) -> "timedelta | None":
    from gateway.commands import accounts

    try:
        return accounts.lifetime_of(text) if text is not None else None
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error


@main.group()
def token() -> None:
    """API tokens of the owner."""


@token.command("create")
@_options("name", "data_dir", "database_url")
@click.option("--scope", "scopes", multiple=True, help="An action such as tasks.create or tasks.*; all when absent.")
@click.option("--expires", callback=_lifetime, help="Lifetime, such as 12h, 90d.")
def create_token(name: str, scopes: tuple[str, ...], expires: "timedelta | None", **options: Any) -> None:
    """Prints a new API token alone on standard output."""
    from gateway.commands import accounts

    click.echo(accounts.create_token(_config(**options), name, list(scopes) or None, expires))


@token.command("list")
@_options("data_dir", "database_url")
def list_tokens(**options: Any) -> None:
    """The tokens that are not revoked."""
    from gateway.commands import accounts

    for line in accounts.list_tokens(_config(**options)):
        click.echo(line)


@token.command("revoke")
@click.argument("token_id", metavar="ID", type=click.UUID)
@_options("data_dir", "database_url")
def revoke_token(token_id: Any, **options: Any) -> None:
    """Ends a token at once."""
    from gateway.commands import accounts

    accounts.revoke_token(_config(**options), token_id)


@main.group()
def user() -> None:
    """Local accounts. Passwords come from a prompt or standard input."""


def _account_command(name: str, help_text: str) -> None:
    @user.command(name, help=help_text)
    @click.argument("handle")
    @_options("data_dir", "database_url")
    def run(handle: str, **options: Any) -> None:
        from gateway.commands import accounts

        click.echo(accounts.COMMANDS[name](_config(**options), handle))


_account_command("create", "Makes an account.")
_account_command("reset-password", "Sets a new password and ends the account's sessions.")
_account_command("disable", "Locks an account out.")
_account_command("enable", "Lets an account in again.")
_account_command("sign-in-code", "Prints a one-time code for the sign-in page.")


@main.group()
def key() -> None:
    """The master key of credentials, and the recovery key."""


@key.command("status")
@_options("data_dir", "database_url")
def key_status(**options: Any) -> None:
    """Which master keys there are, where they lie, and whether they can be recovered."""
    from gateway.commands import keys

    for line in keys.status(_config(**options)):
        click.echo(line)


@key.command("rotate")
@click.option("--leave-unreadable", is_flag=True, help="Go on where the present key is lost for good.")
@_options("data_dir", "database_url")
def rotate_key(leave_unreadable: bool, **options: Any) -> None:
    """Changes the master key while the gateway works; goes on where it was interrupted."""
    from gateway.commands import keys

    for line in keys.rotate(_config(**options), leave_unreadable):
        click.echo(line)


@key.command("kit")
@_options("data_dir", "database_url")
def key_kit(**options: Any) -> None:
    """Prints a new emergency kit; the recovery key of the one before ends."""
    from gateway.commands import keys

    click.echo(keys.kit(_config(**options)))


@key.command("recover")
@_options("data_dir", "database_url")
def recover_key(**options: Any) -> None:
    """Restores lost master keys; asks for the recovery key, or reads it from standard input."""
    from gateway.commands import keys

    click.echo(keys.recover(_config(**options)))


@main.group()
def model() -> None:
    """Local models."""


@model.command("list")
@_options("data_dir")
def list_models(**options: Any) -> None:
    """Known local models, and which of them are here."""
    from gateway.commands import models

    for line in models.listed(_config(**options)):
        click.echo(line)


@model.command("pull")
@click.argument("name")
@_options("data_dir")
def pull_model(name: str, **options: Any) -> None:
    """Fetches a model; goes on where it was interrupted."""
    from gateway.commands import models

    models.pull(_config(**options), name)


@model.command("remove")
@click.argument("name")
@_options("data_dir")
def remove_model(name: str, **options: Any) -> None:
    """Deletes a model's weights."""
    from gateway.commands import models

    models.remove(_config(**options), name)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--include-key", is_flag=True, help="With the keys, sealed by a passphrase that is asked for.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is there.")
@click.option("--verify", is_flag=True, help="Make none: check the one that is there.")
@_options("data_dir", "database_url")
def backup(file: Path, include_key: bool, overwrite: bool, verify: bool, **options: Any) -> None:
    """Writes everything into one file, while the gateway works or when it is stopped."""
    from gateway.commands import backup as backups

    if verify:
        backups.verify(file, click.echo)
    else:
        backups.make(_config(**options), file, click.echo, include_key=include_key, overwrite=overwrite)


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only check the file, and say what would be restored where.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--replace", is_flag=True, help="Replace the gateway that is there; a backup of it is kept.")
@_options("data_dir", "database_url")
def restore(file: Path, dry_run: bool, yes: bool, replace: bool, **options: Any) -> None:
    """Puts a backup in place: all of it, or nothing."""
    from gateway.commands import backup as backups

    wish = backups.Wish(dry_run=dry_run, yes=yes, replace=replace)
    backups.restore(_config(**options), file, wish, click.echo, lambda text: sys.stdin.isatty() and click.confirm(text))


@main.command()
@_options("data_dir", "database_url")
def rehearse(**options: Any) -> None:
    """Tries this release's migrations on a copy of the database, and changes nothing."""
    from gateway.commands import rehearsal

    rehearsal.rehearse(_config(**options), click.echo)


@main.command()
@_options("data_dir", "database_url")
def doctor(**options: Any) -> None:
    """Checks every part and says how to mend what is missing."""
    from gateway.commands import doctor as checkup

    sys.exit(0 if checkup.report(_config(**options), click.echo) else 4)


@main.command()
@_options("data_dir")
def mcp(data_dir: Path | None) -> None:
    """The MCP server over standard input and output, for desktop clients."""
    from gateway.commands import mcp as bridge
    from gateway.core.data_dir import DataDir
    from ui.desktop import joined

    directory = DataDir(_config(data_dir=data_dir).data_dir)
    serve = [sys.executable, str(APP), "serve", "--beside", "--data-dir", str(directory.path)]
    with joined(serve, directory.published) as gateway:
        bridge.run(gateway.url, gateway.sign_in_code, *bridge.standard_streams())


@main.command()
@click.option("--client", "clients", multiple=True, metavar="ID", help="Only this client, such as open-webui.")
@click.option("--model", help="The model to try it with; the default model when absent.")
@_options("data_dir")
def conformance(clients: tuple[str, ...], model: str | None, data_dir: Path | None) -> None:
    """Tries the gateway's OpenAI routes as common clients use them."""
    from gateway.commands import conformance as lab
    from gateway.core.data_dir import DataDir
    from ui.desktop import joined

    directory = DataDir(_config(data_dir=data_dir).data_dir)
    serve = [sys.executable, str(APP), "serve", "--beside", "--data-dir", str(directory.path)]
    with joined(serve, directory.published) as gateway:
        passed = lab.report(gateway.url, gateway.sign_in_code, clients, model, click.echo)
    sys.exit(0 if passed else 1)


@main.command()
def openapi() -> None:
    """Prints the OpenAPI document."""
    from gateway.application import openapi_document

    click.echo(openapi_document())


def _build_assets() -> None:
    """Builds console and guide where `make` has not done so: `uv run app.py` works on a fresh checkout too.

    What that says goes to standard error: on standard output stands the gateway's address, and nothing else.
    """
    packaging = APP.parent / "packaging"
    if not (APP.parent / "static" / "vendor").is_dir():
        from gateway.core.errors import MissingPart

        click.echo("Building the console, once.", err=True)
        done = subprocess.run([sys.executable, str(packaging / "assets.py")], stdout=sys.stderr, check=False)
        if done.returncode != 0:
            raise MissingPart("The console's assets are missing; see above, then run packaging/assets.py again.")
    if not (APP.parent / "guide").is_dir() and packaging.is_dir():
        subprocess.run([sys.executable, str(packaging / "guide" / "build.py")], stdout=sys.stderr, check=False)


def _add_pages(app: "Flask") -> None:
    from gateway.application import add_pages
    from ui.pages import blueprint

    add_pages(app, blueprint())


if __name__ == "__main__":
    main(prog_name="app.py")
