"""Rules of settings: the only writer of this room's table."""

from typing import Any

from sqlalchemy import Engine

from gateway.core.errors import Conflict, Invalid, NotFound
from gateway.core.paging import Listed
from gateway.core.policy import Resource, can
from gateway.core.unit_of_work import Work

from . import live, queries
from .known import KNOWN, Setting
from .models import StoredSetting
from .schemas import SettingOut, SettingQuery


def value(work: Work, key: str) -> Any:
    """The value in force, at most a second old; costs no query as a rule. Anyone may be held to it."""
    return _live(work).value(key)


def page(work: Work, query: SettingQuery) -> Listed[SettingOut]:
    """A page of the settings in the order of their keys; the cursor is the last key. Raises Invalid."""
    work.allow("settings.read", Resource("settings"))
    if query.sort not in (None, "key", "-key"):
        raise Invalid.field("sort", "this list can be sorted by key, or -key for descending")
    wanted = [each for key, each in KNOWN.items() if key.startswith(query.key_prefix or "") and _may_see(work, key)]
    if query.sort == "-key":
        wanted.reverse()
    keys = [setting.key for setting in wanted]
    if query.cursor is not None and query.cursor not in keys:
        raise Invalid.field("cursor", "use the next_cursor of the page before, unchanged")
    start = keys.index(query.cursor) + 1 if query.cursor else 0
    stored = queries.stored(work.session)
    shown = [_describe(work, setting, stored.get(setting.key)) for setting in wanted[start : start + query.limit]]
    more = start + query.limit < len(wanted)
    return Listed(shown, shown[-1].key if more else None, len(wanted) if query.count else None)


def _may_see(work: Work, key: str) -> bool:
    return can(work.actor, "settings.read", Resource("settings", key)).allowed


def get(work: Work, key: str) -> SettingOut:
    """One setting. Raises NotFound."""
    work.allow("settings.read", Resource("settings", key))
    return _describe(work, _known(key), queries.stored(work.session).get(key))


def naming_provider(work: Work, provider: str) -> list[str]:
    """Keys of the settings that were given a value which names models of a provider; whoever calls has decided."""
    stored = queries.stored(work.session)
    shown = [_describe(work, each, stored.get(each.key)) for each in KNOWN.values() if each.names_models]
    return [each.key for each in shown if each.source != "default" and _names(each.value, provider)]


def for_change(work: Work, key: str) -> StoredSetting | None:
    """A setting as it is stored, locked. Raises NotFound, and Conflict where the configuration decides."""
    work.allow("settings.write", Resource("settings", key))
    setting = _known(key)
    if key in _live(work).fixed:
        name = setting.config_field or ""
        raise Conflict(
            f"{key} is fixed by {name} in config.toml or by GATEWAY_{name.upper()}; remove that and restart first.",
            code="setting_fixed",
        )
    return queries.one(work.session, key)


def put(work: Work, key: str, row: StoredSetting | None, wanted: Any, expected_version: int | None) -> SettingOut:
    """Sets a value. Raises Invalid that says what is allowed, and Conflict for another version than expected."""
    setting = _known(key)
    accepted = setting.accepted(wanted)
    version = row.version if row else 0
    if expected_version not in (None, version):
        raise Conflict(f"{key} is at version {version} now; read it again.", code="version_conflict")
    return _store(work, setting, row, accepted)


def reset(work: Work, key: str, row: StoredSetting | None) -> None:
    """Returns a setting to its default."""
    if row is not None and row.value is not None:
        _store(work, _known(key), row, None)


def _store(work: Work, setting: Setting, row: StoredSetting | None, wanted: Any) -> SettingOut:
    if row is None:
        row = StoredSetting(key=setting.key, value=wanted, updated_by=work.actor.handle)
        work.session.add(row)
    else:
        row.value, row.updated_by = wanted, work.actor.handle
    work.session.flush()
    shown = _describe(work, setting, row)
    work.emit("setting.changed", data={"key": setting.key, "value": shown.value, "source": shown.source})
    work.after_commit(_live(work).forget)
    return shown


def _describe(work: Work, setting: Setting, row: StoredSetting | None) -> SettingOut:
    fixed = _live(work).fixed
    stored = row.value if row else None
    return SettingOut(
        key=setting.key,
        value=fixed.get(setting.key, setting.default if stored is None else stored),
        default=setting.default,
        source="configuration" if setting.key in fixed else "default" if stored is None else "database",
        type=setting.wire_type,  # type: ignore[arg-type]
        minimum=setting.minimum,
        maximum=setting.maximum,
        description=setting.description,
        needs_restart=setting.key in fixed,
        version=row.version if row else 0,
        updated_at=row.updated_at if row else None,
        updated_by=row.updated_by if row else None,
    )


def _names(value: Any, provider: str) -> bool:
    models = value if isinstance(value, dict) else (value,)
    return any(model.startswith(f"{provider}/") for model in models)


def _known(key: str) -> Setting:
    setting = KNOWN.get(key)
    if setting is None:
        raise NotFound("There is no such setting; GET /v1/settings lists them.")
    return setting


def _live(work: Work) -> live.Live:
    engine = work.session.get_bind()
    assert isinstance(engine, Engine)
    return live.of(engine)
