"""Any interface over HTTP, its operations read off an OpenAPI document."""

import json
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from pydantic import Field, SecretStr, model_validator

from gateway.adapters.connectors.base import Connector, ConnectorConfig, ConnectorSecret, Found, Operation, WebAddress
from gateway.adapters.connectors.failure import ConnectorError
from gateway.adapters.connectors.json_api import basic, check_status, request, segment
from gateway.adapters.connectors.openapi_document import operations_of, server_of
from gateway.core.schemas import Shape

DOCUMENT_BYTES = 4 * 2**20

HeaderName = Annotated[str, Shape("^[A-Za-z0-9-]{1,60}$", "the name of a header, such as X-API-Key")]


class HttpConfig(ConnectorConfig):
    """Which interface, and where its description is."""

    document_url: WebAddress | None = Field(
        None, title="Address of the OpenAPI document", description="JSON; or give the document itself"
    )
    document: dict[str, Any] | None = Field(None, title="OpenAPI document")
    base_url: WebAddress | None = Field(
        None, title="Address of the interface", description="else the first server of the document"
    )
    sign_in: Literal["bearer", "basic", "header"] = Field(
        "bearer", title="Signs in by", description="basic: the secret is NAME:PASSWORD"
    )
    header: HeaderName = Field("X-API-Key", title="Header", description="for `header`")

    @model_validator(mode="after")
    def is_described(self) -> "HttpConfig":
        """Without a description there is nothing that could be called."""
        if self.document_url is None and self.document is None:
            raise ValueError("document_url: give the address of the OpenAPI document, or the document itself")
        return self


class HttpSecret(ConnectorSecret):
    """What is sent to sign in."""

    secret: SecretStr = Field(title="Token, key, or NAME:PASSWORD", min_length=1, max_length=8000)


class Http(Connector[HttpConfig]):
    """An interface that describes itself."""

    kind, title = "http", "HTTP interface (OpenAPI)"
    summary = "Call any interface that has an OpenAPI document."
    Config, Secret = HttpConfig, HttpSecret
    secret_goes_to = ("base_url", "document_url", "document")
    needs_secret = False
    learns = True

    async def test(self) -> Found:
        """Reads the document, and learns what the interface offers."""
        document = await self._document()
        base_url = self.config.base_url or server_of(document)
        if base_url is None:
            raise ConnectorError("The document names no server; give the address of the interface.", code="no_address")
        found = operations_of(document)
        placed = [Operation(**{**vars(each), "call": {**each.call, "base_url": base_url}}) for each in found]
        return Found(f"{base_url} offers {len(placed)} operation{'s' * (len(placed) != 1)}.", tuple(placed))

    async def invoke(self, operation: Operation, arguments: dict[str, Any]) -> dict[str, Any]:
        """One request; a body that is no JSON comes as text."""
        call, path = operation.call, operation.call["path"]
        for name in call["places"]["path"]:
            written = segment(_written(arguments[name]))
            if written in (".", ".."):
                raise ConnectorError(f"{name} cannot be a path of its own.", code="invalid_arguments")
            path = path.replace("{" + name + "}", written)
        query = {name: _each_written(arguments[name]) for name in call["places"]["query"]
                 if arguments.get(name) is not None}  # fmt: skip
        headers = {name: _written(arguments[name]) for name in call["places"]["header"]
                   if arguments.get(name) is not None}  # fmt: skip
        content = None
        if "body" in arguments and call["body"]:
            headers["Content-Type"] = "application/json"
            content = json.dumps(arguments["body"]).encode()
        base_url = (self.config.base_url or call["base_url"]).rstrip("/")
        url = base_url + path + (f"?{urlencode(query, doseq=True)}" if query else "")
        headers |= {"Accept": "application/json", **self._identity()}
        answer = await request(self.egress, call["method"], url, headers=headers, content=content)
        check_status(answer)
        if answer.cut:
            raise ConnectorError("The answer is larger than a connector takes; ask for less.", code="answer_too_large")
        return {"status": answer.status, **_body(answer.content)}

    def _identity(self) -> dict[str, str]:
        if self.secret is None:
            return {}
        secret = self.secret.secret.get_secret_value()
        if self.config.sign_in == "bearer":
            return {"Authorization": f"Bearer {secret}"}
        if self.config.sign_in == "basic":
            name, _, password = secret.partition(":")
            return {"Authorization": basic(name, password)}
        return {self.config.header: secret}

    async def _document(self) -> dict[str, Any]:
        if self.config.document is not None:
            return self.config.document
        assert self.config.document_url is not None
        answer = await request(self.egress, "GET", self.config.document_url, most=DOCUMENT_BYTES)
        check_status(answer)
        try:
            document = json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            raise ConnectorError("That address answers no document in JSON.", code="unexpected_answer") from error
        if not isinstance(document, dict):
            raise ConnectorError("That address answers no OpenAPI document.", code="unexpected_answer")
        return document


def _written(value: Any) -> str:
    """A value as it stands in an address or a header: as in JSON, but texts as they are."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _each_written(value: Any) -> str | list[str]:
    return [_written(each) for each in value] if isinstance(value, list) else _written(value)


def _body(content: bytes) -> dict[str, Any]:
    if not content.strip():
        return {}
    try:
        return {"body": json.loads(content)}
    except (ValueError, RecursionError):
        return {"body": content.decode("utf-8", "replace")}
