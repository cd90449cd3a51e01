"""The same done with many things of a list: each by its own route as its caller, so that each is decided and recorded
as it would be by itself, and those that cannot be are told one by one."""

import uuid

from gateway.core.errors import Invalid, NotFound
from gateway.core.http import inner

from . import lists
from .schemas import BulkIn, BulkItem, BulkOut


def change(name: str, wish: BulkIn) -> BulkOut:
    """Does it with all it can be done with, in the order given. Raises NotFound for what is no list."""
    spelled = lists.known(f"/v1/{name}")
    if spelled is None:
        raise NotFound(f"There is no list /v1/{name[:80]}; the OpenAPI document names those that are.")
    possible = lists.actions(spelled)
    if wish.action not in possible:
        raise Invalid.field("action", f"What can be done with these: {', '.join(sorted(possible)) or 'nothing'}.")
    method, tail = possible[wish.action]
    items = [_one(thing, method, f"/v1/{name}/{thing}{tail}") for thing in dict.fromkeys(wish.ids)]
    return BulkOut(done=sum(item.ok for item in items), items=items)


def _one(thing: uuid.UUID, method: str, path: str) -> BulkItem:
    response = inner.ask(method, path)
    if response.status_code < 400:
        return BulkItem(id=thing, ok=True)
    problem = response.get_json()
    return BulkItem(id=thing, ok=False, code=problem["code"], detail=problem["detail"])
