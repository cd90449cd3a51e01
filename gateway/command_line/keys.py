"""The master key and the recovery key."""

from typing import Any

import click

from .options import config, with_options


@click.group()
def key() -> None:
    """The master key of credentials, and the recovery key."""


@key.command("status")
@with_options("data_dir", "database_url")
def key_status(**options: Any) -> None:
    """Which master keys there are, where they lie, and whether they can be recovered."""
    from gateway.commands import keys

    for line in keys.status(config(**options)):
        click.echo(line)


@key.command("rotate")
@click.option("--leave-unreadable", is_flag=True, help="Go on where the present key is lost for good.")
@with_options("data_dir", "database_url")
def rotate_key(leave_unreadable: bool, **options: Any) -> None:
    """Changes the master key while the gateway works; goes on where it was interrupted."""
    from gateway.commands import keys

    for line in keys.rotate(config(**options), leave_unreadable):
        click.echo(line)


@key.command("kit")
@with_options("data_dir", "database_url")
def key_kit(**options: Any) -> None:
    """Prints a new emergency kit; the recovery key of the one before ends."""
    from gateway.commands import keys

    click.echo(keys.kit(config(**options)))


@key.command("recover")
@with_options("data_dir", "database_url")
def recover_key(**options: Any) -> None:
    """Restores lost master keys; asks for the recovery key, or reads it from standard input."""
    from gateway.commands import keys

    click.echo(keys.recover(config(**options)))
