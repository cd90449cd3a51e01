"""The process's configuration: defaults < config.toml < GATEWAY_* environment < command-line options."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from .errors import MissingPart
from .findings import findings

DEFAULT_PORT = 12080


def default_data_dir() -> Path:
    """The per-user data directory of the operating system."""
    return Path(platformdirs.user_data_dir("user-api-gateway", appauthor=False))


class Config(BaseSettings):
    """Everything a process is told at start. Field names are the keys of config.toml."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=default_data_dir, description="the one directory that holds everything")
    host: str = Field("127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65535, description="port to listen on; 0 takes a free one")] = DEFAULT_PORT
    database_url: str | None = Field(None, description="PostgreSQL 15 or newer; absent = the embedded server")
    join: str | None = Field(None, description="a node's gateway, where it does not share the data directory")
    join_token: SecretStr | None = Field(None, description="the API token that the gateway made for that node")
    node: bool = Field(True, description="whether a worker node runs beside the gateway")
    node_concurrency: Annotated[int, Field(ge=1, le=256, description="jobs a node runs at once")] = 8
    allowed_hosts: tuple[str, ...] = Field((), description="further Host names the gateway answers to")
    allowed_origins: tuple[str, ...] = Field((), description="origins of pages that may use OpenAI's routes")
    models_dir: Path | None = Field(None, description="where model weights lie; absent = models/ in the data directory")
    default_model: str = Field("local/smollm2-135m", description="PROVIDER/MODEL that answers prompt tasks")
    body_limit_bytes: Annotated[int, Field(ge=1024)] = Field(2 * 2**20, description="largest JSON body")
    completion_limit_bytes: Annotated[int, Field(ge=1024)] = Field(
        32 * 2**20, description="largest body of a completion"
    )
    hook_limit_bytes: Annotated[int, Field(ge=1024)] = Field(2**20, description="largest body of a request to a hook")
    upload_limit_bytes: Annotated[int, Field(ge=1024)] = Field(8 * 2**30, description="largest uploaded file")
    output_limit_bytes: Annotated[int, Field(ge=1024)] = Field(2**20, description="output kept per command and stream")
    task_timeout_s: Annotated[float, Field(gt=0)] = Field(3600.0, description="time limit of a task that names none")
    task_memory_bytes: Annotated[int, Field(ge=2**24)] = Field(2 * 2**30, description="memory limit of a sandbox")
    master_key: Literal["auto", "keyring", "file"] = Field("auto", description="where the master key is kept")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="least severe line to log")

    @property
    def models_path(self) -> Path:
        """The directory of model weights."""
        return self.models_dir or self.data_dir / "models"

    @classmethod
    def load(cls, **options: Any) -> "Config":
        """Reads the configuration; `options` that are None count as not given.

        Raises MissingPart with one sentence when a source cannot be read or holds a bad value.
        """
        given = {name: value for name, value in options.items() if value is not None}
        try:
            data_dir = Path(given.get("data_dir") or _EnvironmentOnly().data_dir or default_data_dir())
            return _with_file(_found(data_dir) / "config.toml")(**given)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
            raise MissingPart(f"config.toml cannot be read ({error}); correct it.") from error
        except SettingsError as error:
            raise MissingPart(
                f'The environment cannot be read ({error}); write a list as in GATEWAY_ALLOWED_HOSTS=["example.com"].'
            ) from error
        except ValidationError as error:
            name, words = findings(error)[0]
            raise MissingPart(f"The setting {name} is not usable: {words}.") from error


class _EnvironmentOnly(BaseSettings):
    """Finds the data directory before config.toml, which lies in it, can be read."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", extra="ignore")

    data_dir: Path | None = None


def _found(data_dir: Path) -> Path:
    try:
        return data_dir.expanduser().resolve()
    except RuntimeError as error:  # nobody of that name has a home, or links lead round and round
        raise MissingPart(f"{data_dir} leads nowhere; name another directory with --data-dir.") from error


def _with_file(path: Path) -> type[Config]:
    class ConfigFromFile(Config):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, path)

    return ConfigFromFile
