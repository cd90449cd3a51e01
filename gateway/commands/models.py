"""Local models from the command line: list, fetch with a progress bar, remove."""

import asyncio
from collections.abc import Iterator

import click

from gateway.adapters.providers.base import ProviderError
from gateway.adapters.providers.local_model import catalogue, download
from gateway.core.config import Config
from gateway.core.errors import MissingPart


def listed(config: Config) -> Iterator[str]:
    """One line for each known model: name, whether it is here."""
    here = {model.name for model in catalogue.list_local(config.models_path)}
    for name in sorted(catalogue.CATALOGUE):
        yield f"{name}  {'here' if name in here else 'not fetched'}  served as local/{name}"


def pull(config: Config, name: str) -> None:
    """Fetches a model. Raises MissingPart with the reason and the remedy."""
    config.models_path.mkdir(parents=True, exist_ok=True)
    with click.progressbar(length=1, label=f"Fetching {name}", show_percent=True) as bar:

        def show(done: int, total: int) -> None:
            bar.length = max(1, total)
            bar.update(done - bar.pos)

        try:
            asyncio.run(download.pull(name, config.models_path, show))
        except ProviderError as error:
            raise MissingPart(str(error)) from error


def remove(config: Config, name: str) -> None:
    """Deletes a model's weights. Raises MissingPart when it is unknown or not here."""
    try:
        removed = catalogue.remove(name, config.models_path)
    except ProviderError as error:
        raise MissingPart(str(error)) from error
    if not removed:
        raise MissingPart(f"The model {name} is not here; `app.py model list` shows what is.")
