"""Local models."""

from typing import Any

import click

from .options import config, with_options


@click.group()
def model() -> None:
    """Local models."""


@model.command("list")
@with_options("data_dir")
def list_models(**options: Any) -> None:
    """Known local models, and which of them are here."""
    from gateway.commands import models

    for line in models.listed(config(**options)):
        click.echo(line)


@model.command("pull")
@click.argument("name")
@with_options("data_dir")
def pull_model(name: str, **options: Any) -> None:
    """Fetches a model; goes on where it was interrupted."""
    from gateway.commands import models

    models.pull(config(**options), name)


@model.command("remove")
@click.argument("name")
@with_options("data_dir")
def remove_model(name: str, **options: Any) -> None:
    """Deletes a model's weights."""
    from gateway.commands import models

    models.remove(config(**options), name)
