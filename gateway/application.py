"""Puts the gateway together: `create_app` is its whole parts list."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response
from flask_openapi3 import Info, OpenAPI
from flask_sock import Sock
from flask_sqlalchemy import SQLAlchemy
from pydantic import ValidationError
from sqlalchemy.orm import sessionmaker

from gateway import ROOT, __version__, registry
from gateway.adapters.providers.passthrough import Pool
from gateway.core.config import Config
from gateway.core.data_dir import DataDir
from gateway.core.database import ENGINE_OPTIONS, Base, drop_dead_connections, plan_anew, sqlalchemy_url
from gateway.core.driver import journal
from gateway.core.driver.cooperation import cooperate
from gateway.core.http import cors, denials, guards, observe, problems, uploads
from gateway.core.http.api_document import ApiDocument
from gateway.core.http.room import PUBLIC, Room
from gateway.core.secrets import crypto
from gateway.core.secrets.key_store import KeyStore
from gateway.features.artifacts.store import Store
from gateway.features.audit.signer import Signer
from gateway.features.events import downloads
from gateway.features.events.fanout import Fanout
from gateway.features.identity import authentication
from gateway.features.limits import front
from gateway.features.providers.service_upstream import Upstreams
from gateway.features.settings import live as settings

DATALESS = ("static",)
"""Endpoints that hold no data of anyone, besides the views marked public and the console's page shells."""

db = SQLAlchemy(metadata=Base.metadata)


class Application(OpenAPI):
    """The Flask application of the gateway; its rooms describe themselves once somebody asks for the document."""

    @property
    def rooms(self) -> list[Room]:
        """All that answer under /v1."""
        return [room for room in self.blueprints.values() if isinstance(room, Room)]

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """The function itself: no view or hook is a coroutine, so none needs to be looked at for each request."""
        return func

    def generate_spec_json(self) -> None:
        """Gathers what the rooms say, and makes the OpenAPI document of it."""
        for room in self.rooms:
            room.describe()
            self.tags += [tag for tag in room.tags if tag.name not in {known.name for known in self.tags}]
            self.paths.update(room.paths)
            self.components_schemas.update(room.components_schemas)
        super().generate_spec_json()  # type: ignore[no-untyped-call]


def create_app(config: Config, url: str, *, launch_key: str | None = None) -> Application:
    """The gateway on the database at `url`; `launch_key` lets local processes ask for sign-in codes."""
    data_dir = DataDir(config.data_dir)
    app = _openapi_app()
    app.url_map.merge_slashes = False  # a redirect is an error to clients of an API
    app.config.update(_settings(config, url, data_dir, launch_key))
    app.request_class = uploads.GatewayRequest
    registry.load_tables()
    db.init_app(app)
    with app.app_context():
        cooperate(db.engine)
        drop_dead_connections(db.engine)
        plan_anew(db.engine)
        journal.keep(db.engine)
        app.extensions["settings"] = settings.start(db.engine, config)
        app.extensions["gateway_sessions"] = sessionmaker(db.engine, expire_on_commit=False)
    app.extensions["public"] = set(DATALESS)
    app.extensions["actions"] = registry.actions()
    app.extensions["recorded"] = registry.recorded()
    app.extensions["resources"] = registry.resources()
    app.extensions["purges"] = registry.purges()
    app.extensions["traceables"] = registry.traceables()
    app.extensions["capabilities"] = registry.capabilities()
    app.extensions["artifact_store"] = Store(data_dir.artifacts)
    app.extensions["audit_signer"] = Signer(data_dir.keys)
    app.extensions["key_store"] = KeyStore(data_dir.keys, config.master_key)
    app.extensions["upstreams"] = Upstreams(app.extensions["key_store"], config.models_path)
    app.extensions["upstream_pool"] = Pool()
    app.extensions["api_document"] = ApiDocument(lambda: app.api_doc)
    app.extensions["fanout"] = Fanout(app.extensions["gateway_sessions"], lambda: url)
    observe.install(app)
    denials.install(app)
    guards.install(app, config.allowed_hosts)
    cors.install(app, config.allowed_origins)
    authentication.install(app)
    front.install(app)
    downloads.install(app)
    problems.install(app)
    sock = Sock(app)
    for door in registry.doors("api"):
        for room in (value for value in vars(door).values() if isinstance(value, Room)):
            app.register_api(room)
        if hasattr(door, "add_websocket"):
            door.add_websocket(sock)
    _shape_errors(app)
    app.extensions["public"] |= {end for end, view in app.view_functions.items() if getattr(view, PUBLIC, False)}
    return app


def _shape_errors(app: Flask) -> None:
    """Tells which routes answer errors in a shape of their own, also to a method that they do not have."""
    shapes = {name: shape for name, room in app.blueprints.items() if (shape := getattr(room, "error_shape", None))}
    rules = {rule.rule: rule.endpoint.partition(".")[0] for rule in app.url_map.iter_rules()}
    app.extensions[problems.SHAPES] = shapes | {rule: shapes[name] for rule, name in rules.items() if name in shapes}


def _openapi_app() -> Application:
    bearer = {
        "type": "http",
        "scheme": "bearer",
        "description": "An API token, or the access token of a login.",
    }
    return Application(
        "gateway",
        info=Info(title="User API Gateway", version=__version__),
        security_schemes={"bearer": bearer},
        validation_error_callback=_refuse,
        doc_ui=False,
        static_folder=str(ROOT / "static"),
        template_folder=str(ROOT / "templates"),
    )


def _refuse(error: ValidationError) -> Response:
    raise problems.invalid_from(error) from error


def _settings(config: Config, url: str, data_dir: DataDir, launch_key: str | None) -> dict[str, Any]:
    key = crypto.key_file(data_dir.keys / "session.key")
    return {
        "GATEWAY": config,
        "SECRET_KEY": key,
        "LAUNCH_KEY": launch_key or crypto.new_secret(),
        "SESSION_COOKIE_NAME": f"gateway_{crypto.signature(key, 'cookie', 'name')[:8]}",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Strict",
        "SQLALCHEMY_DATABASE_URI": sqlalchemy_url(url),
        "SQLALCHEMY_ENGINE_OPTIONS": ENGINE_OPTIONS,
        "MAX_CONTENT_LENGTH": config.body_limit_bytes,
        "HOOK_LIMIT_BYTES": config.hook_limit_bytes,
        "COMPLETION_LIMIT_BYTES": config.completion_limit_bytes,
        "MAX_FORM_MEMORY_SIZE": config.body_limit_bytes,
        "MAX_FORM_PARTS": 200,
        "UPLOAD_LIMIT_BYTES": config.upload_limit_bytes,
        "UPLOAD_DIR": data_dir.artifacts / "incoming",
        "SOCK_SERVER_OPTIONS": {"max_message_size": 64 * 1024, "ping_interval": 25},
    }


def add_pages(app: Flask, pages: Blueprint) -> None:
    """Adds the console's page shells; they hold no data, so anyone may load them.

    Whoever looks at one may want to look at the API next.
    """
    document: ApiDocument = app.extensions["api_document"]
    pages.before_request(document.want)
    app.register_blueprint(pages)
    app.extensions[problems.NO_PAGE] = app.view_functions[f"{pages.name}.shell"]
    app.extensions["public"] |= {end for end in app.view_functions if end.startswith(f"{pages.name}.")}


def openapi_document() -> str:
    """The OpenAPI document as JSON, made without a database."""
    with tempfile.TemporaryDirectory() as directory:
        data_dir = DataDir(Path(directory))
        data_dir.prepare()
        app = create_app(Config(data_dir=data_dir.path), "postgresql://localhost/none")
        with app.app_context():
            return json.dumps(app.api_doc, indent=2)
