"""The built-in local model: fetched at first use, served by a llama.cpp process of our own."""

from importlib.util import find_spec

from pydantic import Field

from gateway.adapters.providers.base import (
    Health,
    ModelInfo,
    ProgressHook,
    ProviderConfig,
    ProviderError,
    Upstream,
)
from gateway.adapters.providers.local_model import catalogue
from gateway.adapters.providers.local_model.questions import TELLS_HOW_FAR
from gateway.adapters.providers.local_model.server import (
    ServerSettings,
    default_threads,
    local_server,
    read_endpoint,
)
from gateway.adapters.providers.openai_protocol import OpenAIProvider, bearer


class LocalConfig(ProviderConfig):
    """How much of the machine the model may use."""

    idle_s: int = Field(600, ge=1, title="Unload after", description="Seconds without work.")
    threads: int = Field(default_factory=default_threads, ge=1, title="Threads")


class Local(OpenAIProvider[LocalConfig]):
    """Models of the catalogue, on this machine, with nothing else installed."""

    kind = "local"
    Config = LocalConfig

    def upstream(self, model: str) -> Upstream:
        catalogue.find(model)
        endpoint = read_endpoint(self.models_dir, model)
        if endpoint is None:
            raise ProviderError(
                f"The local model {model} is not loaded yet; ask again in a few seconds.",
                code="not_running",
                permanent=False,
            )
        return Upstream(endpoint.base_url, model, bearer(endpoint.api_key), asked_of_streams=TELLS_HOW_FAR)

    async def prepare(self, model: str, on_progress: ProgressHook | None = None) -> None:
        entry = catalogue.find(model)
        if not entry.is_present(self.models_dir):
            from gateway.adapters.providers.local_model import download

            await download.pull(
                model,
                self.models_dir,
                lambda done, total: on_progress(f"Fetching {model}", done, total) if on_progress else None,
            )
        settings = ServerSettings(entry.context_size, self.config.threads, self.config.idle_s)
        await local_server(self.models_dir).ensure_running(entry, settings)

    async def list_models(self) -> list[ModelInfo]:
        """All known models, fetched or not: the first question fetches."""
        return [
            ModelInfo(model.name, owned_by="local", context_size=model.context_size)
            for model in catalogue.CATALOGUE.values()
        ]

    async def health(self) -> Health:
        if find_spec("xllamacpp") is None:
            return Health(ok=False, reason="llama.cpp is not installed.", remedy=self.remedy())
        if not catalogue.list_local(self.models_dir):
            name = next(iter(catalogue.CATALOGUE))
            return Health(
                ok=False,
                reason=f"The model {name} has not been fetched yet.",
                remedy=f"Run `python app.py model pull {name}`, or just ask: the first question fetches it.",
            )
        return Health(ok=True)

    def remedy(self) -> str:
        return "Run `make install`."
