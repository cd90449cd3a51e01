"""Options that commands share, and what is read from what stands there."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from datetime import timedelta

    from gateway.core.config import Config

C = TypeVar("C", bound=Callable[..., Any])


def config(**given: Any) -> "Config":
    """The configuration, with these options above it; those that are None leave it as it is."""
    from gateway.core.config import Config

    return Config.load(**given)


def with_options(*names: str) -> Callable[[C], C]:
    """Adds these of the common options to a command."""
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

    def add(command: C) -> C:
        for name in reversed(names):
            command = known[name](command)
        return command

    return add


def as_defaults(command: click.Command, given: dict[str, Any]) -> dict[str, Any]:
    """What was given before a command, for it and those below it to take where they are given nothing else."""
    if isinstance(command, click.Group):
        return {name: as_defaults(below, given) for name, below in command.commands.items()}
    return {name: value for name, value in given.items() if value is not None}


def read_name(ctx: click.Context, option: click.Parameter, text: str | None) -> str | None:
    """A name; a shell passes on bytes, too, that are no text. Raises BadParameter."""
    if text is not None and not text.isprintable():
        raise click.BadParameter(f"{text!r} is not made of printable characters.")
    return text


def read_labels(ctx: click.Context, option: click.Parameter, texts: tuple[str, ...]) -> dict[str, str]:
    """Labels by key. Raises BadParameter."""
    pairs = [text.partition("=") for text in texts]
    if wrong := [text for text, (key, equals, _) in zip(texts, pairs, strict=True) if not key or not equals]:
        raise click.BadParameter(f"{wrong[0]!r} is not of the form K=V.")
    for text in texts:
        read_name(ctx, option, text)
    return {key: value for key, _, value in pairs}


def read_lifetime(ctx: click.Context, option: click.Parameter, text: str | None) -> "timedelta | None":
    """How long something is to live; None for no end. Raises BadParameter."""
    from gateway.commands import accounts

    try:
        return accounts.lifetime_of(text) if text is not None else None
    except ValueError as error:
        raise click.BadParameter(f"{error}.") from error
