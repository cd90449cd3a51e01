"""Where master keys are kept: the keyring where there is a real one, else private files; a lost key is told."""

import stat
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest

from gateway.core.errors import MissingPart, NotReady
from gateway.core.secrets.crypto import key_file
from gateway.core.secrets.envelope import MasterKey
from gateway.core.secrets.key_store import SERVICE, KeyStore


class MemoryKeyring(keyring.backend.KeyringBackend):
    """A keyring that forgets with the test; `locked` refuses like one whose password was not given."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.entries: dict[tuple[str, str], str] = {}
        self.locked = False

    def get_password(self, service: str, username: str) -> str | None:
        self._check()
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._check()
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._check()
        del self.entries[service, username]

    def _check(self) -> None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> MemoryKeyring:
    made = MemoryKeyring()
    monkeypatch.setattr(keyring, "get_keyring", lambda: made)
    return made


@pytest.fixture
def no_ring(monkeypatch: pytest.MonkeyPatch) -> None:
    from keyring.backends import fail

    monkeypatch.setattr(keyring, "get_keyring", fail.Keyring)


def test_a_real_keyring_is_preferred_and_no_file_is_written(ring: MemoryKeyring, tmp_path: Path) -> None:
    master = MasterKey.new()
    assert KeyStore(tmp_path).add(master) == "keyring"
    assert list(tmp_path.iterdir()) == []
    assert [*ring.entries] == [(SERVICE, master.kid)]
    assert KeyStore(tmp_path).get(master.kid) == master
    assert KeyStore(tmp_path, "keyring").places_of(master.kid) == ["keyring"]


@pytest.mark.usefixtures("no_ring")
def test_without_a_keyring_the_key_is_a_file_only_its_owner_reads(tmp_path: Path) -> None:
    master = MasterKey.new()
    assert KeyStore(tmp_path / "keys").add(master) == "file"
    [file] = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert KeyStore(tmp_path / "keys").get(master.kid) == master
    with pytest.raises(MissingPart, match="master_key"):
        KeyStore(tmp_path, "keyring").add(master)


def test_the_setting_file_leaves_the_keyring_alone(ring: MemoryKeyring, tmp_path: Path) -> None:
    master = MasterKey.new()
    assert KeyStore(tmp_path, "file").add(master) == "file"
    assert ring.entries == {}
    ring.set_password(SERVICE, (other := MasterKey.new()).kid, "x")
    assert not KeyStore(tmp_path, "file").has(other.kid)


def test_a_keyring_that_refuses_is_passed_over_for_the_file(ring: MemoryKeyring, tmp_path: Path) -> None:
    ring.locked = True
    master = MasterKey.new()
    assert KeyStore(tmp_path).add(master) == "file"
    ring.locked = False
    assert KeyStore(tmp_path).get(master.kid) == master
    assert KeyStore(tmp_path).places_of(master.kid) == ["file"]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_key_file_that_an_editor_has_saved_holds_the_same_key(tmp_path: Path, end: str) -> None:
    master = MasterKey.new()
    KeyStore(tmp_path, "file").add(master)
    session_key = key_file(tmp_path / "session.key")
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes() + end.encode())
    assert KeyStore(tmp_path, "file").get(master.kid) == master
    assert key_file(tmp_path / "session.key") == session_key


def test_a_lost_key_file_tells_what_to_do_and_makes_nothing_in_its_place(tmp_path: Path) -> None:
    store = KeyStore(tmp_path, "file")
    master = MasterKey.new()
    store.add(master)
    [file] = tmp_path.iterdir()
    file.unlink()
    fresh = KeyStore(tmp_path, "file")
    with pytest.raises(NotReady) as lost:
        fresh.get(master.kid)
    assert lost.value.code == "master_key_missing"
    assert f"keys/{file.name}" in lost.value.detail
    assert "app.py key recover" in lost.value.detail
    assert list(tmp_path.iterdir()) == []
    assert fresh.has(master.kid) is False
    fresh.add(master)
    assert KeyStore(tmp_path, "file").get(master.kid) == master


@pytest.mark.parametrize("text", ["", "no base64!", "QUJD", "A" * 43 + "="])
def test_a_changed_key_is_noticed(tmp_path: Path, text: str) -> None:
    master = MasterKey.new()
    KeyStore(tmp_path, "file").add(master)
    [file] = tmp_path.iterdir()
    file.write_text(text)
    with pytest.raises(NotReady, match=r"was changed in the file keys/master-"):
        KeyStore(tmp_path, "file").get(master.kid)
    assert file.read_text() == text


def test_keyring_and_file_never_silently_disagree(ring: MemoryKeyring, tmp_path: Path) -> None:
    """An id is derived from its key: whichever place holds a wrong one is passed over, and said to hold none."""
    master = MasterKey.new()
    KeyStore(tmp_path, "file").add(master)
    ring.set_password(SERVICE, master.kid, "d3Jvbmc=")
    assert KeyStore(tmp_path).get(master.kid) == master
    assert KeyStore(tmp_path).places_of(master.kid) == ["file"]
    with pytest.raises(NotReady, match="was changed in the keyring"):
        KeyStore(tmp_path, "keyring").get(master.kid)


def test_a_locked_keyring_says_so(ring: MemoryKeyring, tmp_path: Path) -> None:
    master = MasterKey.new()
    KeyStore(tmp_path).add(master)
    ring.locked = True
    with pytest.raises(NotReady, match=r"cannot be read from the keyring and is not in the file.*unlock the keyring"):
        KeyStore(tmp_path).get(master.kid)
