"""Routes of settings."""

from flask import Response

from gateway.core.http.answers import answer, check_version, no_content, page_of
from gateway.core.http.room import Room, work
from gateway.core.schemas import Page

from . import service
from .schemas import SettingIn, SettingOut, SettingPath, SettingQuery

room = Room("settings", __name__, title="Preferences and settings")


@room.get("/settings", responses={200: Page[SettingOut]}, summary="The operator's settings, in the order of their keys")
def list_settings(query: SettingQuery) -> Response:
    return page_of(SettingOut, service.page(work(), query))


@room.get("/settings/<key>", responses={200: SettingOut}, summary="One setting")
def get_setting(path: SettingPath) -> Response:
    return answer(service.get(work(), path.key))


@room.put("/settings/<key>", responses={200: SettingOut}, summary="Set a value")
def put_setting(path: SettingPath, body: SettingIn) -> Response:
    row = service.for_change(work(), path.key)
    check_version(row.version if row else 0)
    return answer(service.put(work(), path.key, row, body.value, body.expected_version))


@room.delete("/settings/<key>", responses={204: None}, summary="Return a setting to its default")
def delete_setting(path: SettingPath) -> Response:
    row = service.for_change(work(), path.key)
    check_version(row.version if row else 0)
    service.reset(work(), path.key, row)
    return no_content()
