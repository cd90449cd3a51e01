"""Failures and bad usage, told in one line."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

DEBUG = "--debug"


class Application(click.Group):
    """Turns every failure into one line on standard error with its exit code (docs/command-line.md)."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Reads what stands before the command."""
        with _bad_usage_in_one_line():
            return super().make_context(*arguments, **options)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Takes `--debug` wherever it stands."""
        if DEBUG in args:
            args = [DEBUG, *(argument for argument in args if argument != DEBUG)]
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Runs a command; `--debug` shows the traceback, too."""
        from gateway.core.errors import AlreadyRunning, GatewayError, MissingPart

        try:
            with _bad_usage_in_one_line():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, there is a line and a code for it
            if ctx.params.get("debug"):
                traceback.print_exception(error)
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
