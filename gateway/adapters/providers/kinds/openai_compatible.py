"""Any server that speaks OpenAI's chat protocol: cloud providers, LM Studio, llama.cpp, vLLM."""

from typing import Annotated

from pydantic import AfterValidator, Field

from gateway.adapters.providers.base import ProviderConfig, Upstream
from gateway.adapters.providers.openai_protocol import OpenAIProvider, bearer
from gateway.core.outbound.addresses import checked_base_url


class OpenAICompatibleConfig(ProviderConfig):
    """`base_url` is what stands before `/chat/completions`, for example `https://api.openai.com/v1`."""

    base_url: Annotated[str, AfterValidator(checked_base_url)] = Field(
        title="Base URL", description="The address before /chat/completions; it usually ends in /v1."
    )


class OpenAICompatible(OpenAIProvider[OpenAICompatibleConfig]):
    """A remote or local OpenAI-compatible server."""

    kind = "openai_compatible"
    Config = OpenAICompatibleConfig

    def upstream(self, model: str) -> Upstream:
        return Upstream(self.config.base_url, model, bearer(self._api_key))

    def remedy(self) -> str:
        return "Check the provider's address and key, and that its server is running."
