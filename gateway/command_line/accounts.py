"""Tokens of the owner, and local accounts."""

from typing import TYPE_CHECKING, Any

import click

from .options import config, read_lifetime, with_options

if TYPE_CHECKING:
    from datetime import timedelta


@click.group()
def token() -> None:
    """API tokens of the owner."""


@token.command("create")
@with_options("name", "data_dir", "database_url")
@click.option("--scope", "scopes", multiple=True, help="An action such as tasks.create or tasks.*; all when absent.")
@click.option("--expires", callback=read_lifetime, help="Lifetime, such as 12h, 90d.")
def create_token(name: str, scopes: tuple[str, ...], expires: "timedelta | None", **options: Any) -> None:
    """Prints a new API token alone on standard output."""
    from gateway.commands import accounts

    click.echo(accounts.create_token(config(**options), name, list(scopes) or None, expires))


@token.command("list")
@with_options("data_dir", "database_url")
def list_tokens(**options: Any) -> None:
    """The tokens that are not revoked."""
    from gateway.commands import accounts

    for line in accounts.list_tokens(config(**options)):
        click.echo(line)


@token.command("revoke")
@click.argument("token_id", metavar="ID", type=click.UUID)
@with_options("data_dir", "database_url")
def revoke_token(token_id: Any, **options: Any) -> None:
    """Ends a token at once."""
    from gateway.commands import accounts

    accounts.revoke_token(config(**options), token_id)


@click.group()
def user() -> None:
    """Local accounts. Passwords come from a prompt or standard input."""


def _account_command(name: str, help_text: str) -> None:
    @user.command(name, help=help_text)
    @click.argument("handle")
    @with_options("data_dir", "database_url")
    def run(handle: str, **options: Any) -> None:
        from gateway.commands import accounts

        click.echo(accounts.COMMANDS[name](config(**options), handle))


_account_command("create", "Makes an account.")
_account_command("reset-password", "Sets a new password and ends the account's sessions.")
_account_command("disable", "Locks an account out.")
_account_command("enable", "Lets an account in again.")
_account_command("sign-in-code", "Prints a one-time code for the sign-in page.")
