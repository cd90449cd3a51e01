"""A file on its way in leaves nothing behind."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.core.received_file import ReceivedFile

ROOM = 2**20


@pytest.fixture
def little_room() -> Iterator[None]:
    """No file of this process grows beyond ROOM, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.usefixtures("little_room")
@pytest.mark.parametrize("last", [1, 100, 10_000, ROOM])
def test_what_finds_no_room_is_gone_when_it_is_closed(tmp_path: Path, last: int) -> None:
    file = ReceivedFile(tmp_path, 10 * ROOM)
    file.write(bytes(ROOM))

    def receive_the_rest() -> None:
        file.write(bytes(last))
        file.finish()

    with pytest.raises(OSError, match="too large"):
        receive_the_rest()
    file.close()
    assert list(tmp_path.iterdir()) == []
