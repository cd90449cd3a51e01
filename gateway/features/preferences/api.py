"""Routes of preferences."""

from flask import Response

from gateway.core.http.answers import answer, check_version, no_content, page_of
from gateway.core.http.room import Room, work
from gateway.core.paging import listed
from gateway.core.schemas import Page

from . import service, service_preview
from .models import PreferenceChange, PreferenceEntry
from .schemas import (
    DeleteQuery,
    EffectiveOut,
    EffectiveQuery,
    EntryPath,
    HistoryQuery,
    PreferenceChangeOut,
    PreferenceIn,
    PreferenceOut,
    PreferencePreview,
    PreferencePreviewIn,
    PreferenceQuery,
)

room = Room("preferences", __name__, title="Preferences")


@room.get("/preferences", responses={200: Page[PreferenceOut]}, summary="Preferences, scope by scope")
def list_preferences(query: PreferenceQuery) -> Response:
    found = service.visible(work(), query.scope_type, query.scope_id, query.key_prefix)
    paged = listed(work().session, found, PreferenceEntry.id, query)
    return page_of(PreferenceOut, paged)


@room.get("/preferences/history", responses={200: Page[PreferenceChangeOut]}, summary="Every version, oldest first")
def list_history(query: HistoryQuery) -> Response:
    found = service.history(work(), query.scope_type, query.scope_id, query.key)
    paged = listed(work().session, found, PreferenceChange.id, query, oldest_first=True)
    return page_of(PreferenceChangeOut, paged)


@room.get("/preferences/effective", responses={200: EffectiveOut}, summary="What counts, and where it comes from")
def get_effective(query: EffectiveQuery) -> Response:
    return answer(service.effective(work(), query))


@room.put(
    "/preferences/<scope_type>/<scope_id>/<key>",
    responses={200: PreferenceOut, 201: PreferenceOut},
    summary="Set a preference",
)
def put_preference(path: EntryPath, body: PreferenceIn) -> Response:
    place, entry = service.for_change(work(), "write", path.scope_type, path.scope_id, path.key)
    check_version(entry.version if entry is not None else 0)
    made = service.put(work(), place, entry, body)
    return answer(PreferenceOut.model_validate(made), 200 if entry is not None else 201)


@room.post(
    "/preferences/<scope_type>/<scope_id>/<key>/preview",
    responses={200: PreferencePreview},
    summary="What a change would do, before it is saved",
)
def preview_preference(path: EntryPath, body: PreferencePreviewIn) -> Response:
    return answer(service_preview.preview(work(), path.scope_type, path.scope_id, path.key, body))


@room.delete("/preferences/<scope_type>/<scope_id>/<key>", responses={204: None}, summary="Delete a preference")
def delete_preference(path: EntryPath, query: DeleteQuery) -> Response:
    place, entry = service.for_change(work(), "delete", path.scope_type, path.scope_id, path.key)
    check_version(entry.version if entry is not None else 0)
    service.remove(work(), place, entry, query)
    return no_content()
