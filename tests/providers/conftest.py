"""The local model's weights, fetched once and kept, and data directories that hold them."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.adapters.providers.local_model.download import pull
from gateway.adapters.providers.local_model.server import local_server

MODEL = "smollm2-135m"
PROJECT = Path(__file__).resolve().parents[2]


def cached_weights() -> Path:
    """The model's weights, really pulled the first time: in GATEWAY_MODELS_DIR, else the project's cache."""
    models_dir = Path(os.environ.get("GATEWAY_MODELS_DIR") or PROJECT / ".cache" / "models")
    return asyncio.run(pull(MODEL, models_dir))


def give_weights(data_dir: Path, weights: Path) -> None:
    """Put the weights into a data directory without copying them."""
    models_dir = data_dir / "models"
    models_dir.mkdir(parents=True)
    (models_dir / f"{MODEL}.gguf").symlink_to(weights)


@pytest.fixture(scope="session")
def model_weights() -> Path:
    """The path of the model's weights."""
    return cached_weights()


@pytest.fixture(scope="session")
def shared_data_dir(model_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data directory with the weights, whose model server the whole session shares."""
    data_dir = tmp_path_factory.mktemp("data")
    give_weights(data_dir, model_weights)
    yield data_dir
    local_server(data_dir / "models").stop()


@pytest.fixture
def data_dir(model_weights: Path, tmp_path: Path) -> Iterator[Path]:
    """A data directory with the weights, of one test."""
    give_weights(tmp_path, model_weights)
    yield tmp_path
    local_server(tmp_path / "models").stop()
