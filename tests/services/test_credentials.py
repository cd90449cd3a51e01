"""Credentials are kept sealed, bound to their row, used by whoever may, and outlive a change of the master key."""

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from gateway import ROOT
from gateway.commands import keys as commands
from gateway.core.clock import new_id
from gateway.core.config import Config
from gateway.core.database import Database
from gateway.core.errors import Conflict, Forbidden, Invalid, NotFound, NotReady
from gateway.core.identity import SYSTEM, Actor
from gateway.core.secrets.key_store import KeyStore
from gateway.core.unit_of_work import unit_of_work
from gateway.features.credentials import service, service_keys
from gateway.features.credentials.models import Credential
from gateway.features.credentials.schemas import CredentialIn, CredentialPatch, CredentialQuery
from gateway.features.identity import service as identity
from tests.conftest import wait_until
from tests.services.conftest import Open, served

Rows = Callable[..., list[Any]]


def keep(unit: Open, actor: Actor, keys: KeyStore, secret: str = "sk-secret", **fields: Any) -> Credential:
    """A new credential."""
    wish = CredentialIn(**{"name": f"n-{new_id()}", "secret": secret, **fields})
    with unit(actor) as work:
        return service.create(work, keys, wish)


def used(unit: Open, keys: KeyStore, credential_id: uuid.UUID) -> str:
    """The secret as a node gets it."""
    with unit(SYSTEM) as work:
        return service.use(work, keys, credential_id, "a test")


def test_a_secret_goes_in_and_comes_out_for_use_alone(unit: Open, alice: Actor, keys: KeyStore, rows: Rows) -> None:
    made = keep(unit, alice, keys, "sk-päss wörd")
    assert used(unit, keys, made.id) == "sk-päss wörd"
    [(row,)] = rows("SELECT row_to_json(c)::text FROM credentials c WHERE id = :id", id=made.id)
    assert "sk-p" not in row
    with unit(alice) as work:
        assert service.get(work, made.id).last_used_at is not None
        assert service.get(work, made.id).version == 1, "use is no change of the owner's"
    records = rows("SELECT actor, decision, reason FROM audit_records WHERE action = 'credentials.use'"
                   " AND resource_id = :id", id=str(made.id))  # fmt: skip
    assert records == [("system", "allow", "for a test, on behalf of its owner")]


def test_a_stamp_tells_that_a_secret_was_replaced_or_disabled(unit: Open, alice: Actor, keys: KeyStore) -> None:
    made = keep(unit, alice, keys)
    seen = []
    for change in (
        lambda work, row: None,
        lambda work, row: service.rotate(work, keys, row, "the next"),
        lambda work, row: service.set_active(work, row, False),
    ):
        with unit(alice) as work:
            change(work, service.for_change(work, made.id, "credentials.rotate"))
        with unit(SYSTEM) as work:
            seen.append(service.stamps(work, [made.id, new_id()]))
    assert [list(stamps) for stamps in seen] == [[made.id]] * 3
    assert len({stamps[made.id] for stamps in seen}) == 3


def test_secrets_are_bound_to_their_row(unit: Open, alice: Actor, keys: KeyStore, database: Database) -> None:
    """Rows swapped, bytes flipped, another key id: nothing is opened, and the message says what to do."""
    one, other = (keep(unit, alice, keys, secret) for secret in ("one", "other"))
    columns = ("secret_ciphertext", "secret_key")
    forgeries = [
        *(f"{column} = (SELECT {column} FROM credentials WHERE id = :other)" for column in columns),
        ", ".join(f"{column} = (SELECT {column} FROM credentials WHERE id = :other)" for column in columns),
        *(f"{column} = set_byte({column}, 20, get_byte({column}, 20) # 1)" for column in columns),
    ]
    for forgery in forgeries:
        with database.engine.connect() as connection:
            kept = connection.execute(text("SELECT secret_ciphertext, secret_key FROM credentials WHERE id = :id"),
                                      {"id": one.id}).one()  # fmt: skip
            change = text(f"UPDATE credentials SET {forgery} WHERE id = :one AND CAST(:other AS uuid) IS NOT NULL")
            connection.execute(change, {"one": one.id, "other": other.id})
            connection.commit()
            with pytest.raises(Conflict, match="opens no more; give it a new secret"):
                used(unit, keys, one.id)
            connection.execute(
                text("UPDATE credentials SET secret_ciphertext = :c, secret_key = :k WHERE id = :id"),
                {"c": kept[0], "k": kept[1], "id": one.id},
            )
            connection.commit()
    assert used(unit, keys, one.id) == "one"


def test_a_wrong_key_id_opens_nothing(own: "Own") -> None:
    made = own.keep("secret")
    old = own.kid(made.id)
    own.rotate()
    own.run("UPDATE credentials SET secret_kid = :kid", kid=old)
    with pytest.raises(Conflict, match="opens no more"):
        own.used(made.id)


def test_people_see_and_use_their_own_only(
    unit: Open, alice: Actor, bob: Actor, charlie: Actor, keys: KeyStore
) -> None:
    made = keep(unit, alice, keys)
    with unit(bob) as work:
        assert made.id not in [row.id for row in work.session.scalars(service.visible(work, CredentialQuery()))]
    attempts: list[Callable[[Any], Any]] = [
        lambda work: service.get(work, made.id),
        lambda work: service.check_use(work, made.id),
        lambda work: service.remove(work, made.id),
        *(lambda work, action=action: service.for_change(work, made.id, f"credentials.{action}")
          for action in ("update", "rotate", "disable", "enable")),
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises(NotFound), unit(bob) as work:
            attempt(work)
    with pytest.raises(Forbidden), unit(charlie) as work:
        service.create(work, keys, CredentialIn(name="x", secret="x"))


def test_names_are_an_owners_own(unit: Open, alice: Actor, bob: Actor, keys: KeyStore) -> None:
    made, other = keep(unit, alice, keys, name="openai"), keep(unit, alice, keys)
    with pytest.raises(Conflict, match="'openai' already"):
        keep(unit, alice, keys, name="openai")
    with pytest.raises(Conflict, match="'openai' already"), unit(alice) as work:
        service.change(work, service.for_change(work, other.id), CredentialPatch(name="openai"))
    assert keep(unit, bob, keys, name="openai").id != made.id
    with unit(alice) as work:
        changed = service.change(
            work, service.for_change(work, made.id), CredentialPatch(name="openai", metadata={"team": "a"})
        )
        assert (changed.name, changed.metadata_, changed.version) == ("openai", {"team": "a"}, 2)


def test_a_project_must_be_ones_own(unit: Open, alice: Actor, keys: KeyStore) -> None:
    with pytest.raises(Invalid, match="project_id"):
        keep(unit, alice, keys, project_id=new_id())


def test_a_disabled_credential_is_not_used(unit: Open, alice: Actor, keys: KeyStore) -> None:
    made = keep(unit, alice, keys)
    for active in (False, False):
        with unit(alice) as work:
            service.set_active(work, service.for_change(work, made.id), active)
    with pytest.raises(Conflict, match="is disabled; enable it"):
        used(unit, keys, made.id)
    with unit(alice) as work:
        service.set_active(work, service.for_change(work, made.id), True)
    assert used(unit, keys, made.id) == "sk-secret"


def test_a_deleted_credential_is_gone(unit: Open, alice: Actor, keys: KeyStore, rows: Rows) -> None:
    made = keep(unit, alice, keys, name="short-lived")
    with unit(alice) as work:
        service.remove(work, made.id)
    with pytest.raises(NotFound):
        used(unit, keys, made.id)
    names = [name for (name,) in rows("SELECT name FROM events WHERE data->>'credential_id' = :id ORDER BY seq",
                                      id=str(made.id))]  # fmt: skip
    assert names == ["credential.created", "credential.deleted"]


@dataclass
class Own:
    """A database whose master key a test may change or lose, with the gateway's part and the command line's."""

    database: Database
    config: Config
    owner: Actor

    @property
    def keys(self) -> KeyStore:
        """What a process sees that starts now."""
        return commands.key_store(self.config)

    def unit(self, actor: Actor) -> Any:
        return unit_of_work(self.database.sessions, actor)

    def keep(self, secret: str, keys: KeyStore | None = None) -> Credential:
        return keep(self.unit, self.owner, keys or self.keys, secret)

    def keep_many(self, count: int) -> dict[uuid.UUID, str]:
        keys, made = self.keys, {}
        for start in range(0, count, 500):
            with self.unit(self.owner) as work:
                for number in range(start, min(count, start + 500)):
                    wish = CredentialIn(name=f"many-{number}", secret=f"secret-{number}")
                    made[service.create(work, keys, wish).id] = f"secret-{number}"
        return made

    def used(self, credential_id: uuid.UUID, keys: KeyStore | None = None) -> str:
        return used(self.unit, keys or self.keys, credential_id)

    def kid(self, credential_id: uuid.UUID) -> str:
        with self.unit(SYSTEM) as work:
            return service.get(work, credential_id).secret_kid

    def run(self, statement: str, **values: Any) -> Any:
        with self.database.engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else None

    def rotate(self, **options: Any) -> list[str]:
        return list(commands.rotate(self.config, **options))

    def rotation(self) -> subprocess.Popen[str]:
        """`app.py key rotate` in a process of its own."""
        assert self.config.database_url is not None
        command = [sys.executable, "app.py", "key", "rotate", "--data-dir", str(self.config.data_dir)]
        return subprocess.Popen([*command, "--database-url", self.config.database_url], cwd=ROOT, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip

    def states(self) -> list[str]:
        with self.unit(SYSTEM) as work:
            return [key.state for key in service_keys.status(work, self.keys)]

    def lose_keys(self) -> None:
        for file in (self.config.data_dir / "keys").glob("master-*"):
            file.unlink()


@pytest.fixture(scope="module")
def own_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database of this module alone."""
    with served(tmp_path_factory.mktemp("own")) as database:
        yield database


@pytest.fixture
def own(own_database: Database, tmp_path: Path) -> Own:
    """Without any key yet."""
    with own_database.engine.begin() as connection:
        connection.execute(text("TRUNCATE master_keys, recovery_keys, credentials CASCADE"))
    with unit_of_work(own_database.sessions, SYSTEM) as work:
        owner = identity.first_owner(work)
    config = Config(data_dir=tmp_path, database_url=own_database.url, master_key="file")
    return Own(own_database, config, Actor(owner.id, owner.handle, frozenset({"owner"}), via="console"))


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.soak)])
def test_keys_rotate_live(own: Own, count: int) -> None:
    """Killed half-way under load and run again: nothing is lost, and nobody had to start anew."""
    secrets, gateway, node = own.keep_many(count), own.keys, own.keys
    held = list(secrets)[-5:]
    stop, failures = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            some = list(secrets)[: count : max(1, count // 50)]
            failures.extend(one for one in some if own.used(one, node) != secrets[one])

    def write() -> None:
        while not stop.is_set():
            made = own.keep("made meanwhile", gateway)
            secrets[made.id] = "made meanwhile"
            with own.unit(own.owner) as work:
                service.rotate(work, gateway, service.for_change(work, made.id), "rotated meanwhile")
            secrets[made.id] = "rotated meanwhile"
            time.sleep(0.005)

    load = [threading.Thread(target=act) for act in (read, write)]
    with own.database.engine.connect() as holder:
        holder.execute(text("SELECT id FROM credentials WHERE id = ANY(:ids) FOR UPDATE"), {"ids": held})
        for thread in load:
            thread.start()
        killed = own.rotation()
        wait_until(lambda: _half_way(own), 30)
        killed.kill()
        killed.communicate()
        assert "retiring" in own.states(), "the rotation waits for the rows that are held"
    again = own.rotation()
    told, complaints = again.communicate(timeout=60)
    stop.set()
    for thread in load:
        thread.join()
    assert again.returncode == 0, complaints
    assert "retired" in told
    assert failures == []
    assert own.states() == ["current", "retired"]
    assert {own.kid(credential_id) for credential_id in held} == {told.split()[0]}
    assert own.run("SELECT count(DISTINCT secret_kid) FROM credentials") == [(1,)]
    fresh = own.keys
    assert {credential_id: own.used(credential_id, fresh) for credential_id in secrets} == secrets


def _half_way(own: Own) -> bool:
    """A second key is current, and wraps all but what the test holds."""
    counts = dict(own.run("SELECT secret_kid, count(*) FROM credentials GROUP BY secret_kid"))
    return len(counts) == 2 and min(counts.values()) == 5


def test_a_rotation_changes_nothing_that_an_owner_sees(own: Own) -> None:
    made = own.keep("secret")
    own.rotate()
    with own.unit(own.owner) as work:
        after = service.get(work, made.id)
        assert (after.version, after.updated_at, after.rotated_at) == (made.version, made.updated_at, None)
        assert after.secret_kid != made.secret_kid


def test_there_is_nothing_to_rotate_before_the_first_secret(own: Own) -> None:
    with pytest.raises(Conflict, match="no master key yet"):
        own.rotate()
    assert list(commands.status(own.config)) == [
        "There is no master key yet; the first credential makes one.",
        commands.NO_KIT,
    ]


def test_the_first_secrets_made_at_once_share_one_key(own: Own) -> None:
    threads = [threading.Thread(target=lambda: own.keep("secret")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert own.run("SELECT count(*), count(DISTINCT secret_kid) FROM credentials") == [(6, 1)]
    assert own.states() == ["current"]


def test_a_lost_key_is_told_and_never_replaced(own: Own) -> None:
    made = own.keep("secret")
    own.lose_keys()
    attempts = (
        lambda: own.used(made.id), lambda: own.keep("another"), own.rotate, lambda: commands.kit(own.config)
    )  # fmt: skip
    for attempt in attempts:
        with pytest.raises(NotReady) as lost:
            attempt()
        assert lost.value.code == "master_key_missing"
        assert "app.py key recover" in lost.value.detail
    assert own.states() == ["current"]
    assert "missing" in next(commands.status(own.config))
    assert list((own.config.data_dir / "keys").iterdir()) == []


def test_the_recovery_key_brings_lost_keys_back(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kit that is older than the keys themselves works, and goes on working after a rotation."""
    first = _recovery_key(commands.kit(own.config))
    made = own.keep("secret")
    own.rotate()
    own.lose_keys()
    monkeypatch.setattr("sys.stdin", _Typed(first.replace("-", " ").lower()))
    assert commands.recover(own.config).startswith("restored ")
    assert own.used(made.id) == "secret"
    assert len(list((own.config.data_dir / "keys").glob("master-*"))) == 2
    monkeypatch.setattr("sys.stdin", _Typed(first))
    assert commands.recover(own.config) == "nothing was missing"


def test_a_new_kit_ends_the_one_before(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    made = own.keep("secret")
    first, second = (_recovery_key(commands.kit(own.config)) for _ in range(2))
    own.lose_keys()
    monkeypatch.setattr("sys.stdin", _Typed(first))
    with pytest.raises(Invalid, match="the only one that works"):
        commands.recover(own.config)
    monkeypatch.setattr("sys.stdin", _Typed(second))
    commands.recover(own.config)
    assert own.used(made.id) == "secret"


def test_without_a_kit_there_is_nothing_to_recover(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    own.keep("secret")
    monkeypatch.setattr("sys.stdin", _Typed("whatever"))
    with pytest.raises(Conflict, match="No recovery key was ever made"):
        commands.recover(own.config)


def test_a_mistyped_recovery_key_is_told_apart(own: Own, monkeypatch: pytest.MonkeyPatch) -> None:
    key = _recovery_key(commands.kit(own.config))
    monkeypatch.setattr("sys.stdin", _Typed(key[:-1]))
    with pytest.raises(Invalid, match="14 groups") as refused:
        commands.recover(own.config)
    assert key[:-1] not in str(refused.value)


def test_a_key_that_is_lost_for_good_can_be_left_behind(own: Own) -> None:
    """What it sealed stays as it is, and opens again should the key turn up."""
    lost = own.keep("lost")
    [file] = (own.config.data_dir / "keys").glob("master-*")
    kept = file.read_text()
    file.unlink()
    said = own.rotate(leave_unreadable=True)
    assert said[-1].startswith("1 secrets stay unreadable")
    fresh = own.keep("fresh")
    assert own.used(fresh.id) == "fresh"
    with pytest.raises(NotReady):
        own.used(lost.id)
    file.write_text(kept)
    assert own.used(lost.id) == "lost"
    assert "retired" in own.rotate()[-1]
    assert own.states() == ["current", "retired"]
    assert own.used(lost.id) == "lost"


def test_only_an_owner_who_signed_in_gets_a_recovery_key(unit: Open, alice: Actor, own: Own) -> None:
    for actor in (alice, Actor(own.owner.user_id, "owner", frozenset({"owner"}), via="token")):
        with pytest.raises(Forbidden), own.unit(actor) as work:
            service_keys.make_kit(work, own.keys)
    with own.unit(own.owner) as work:
        assert service_keys.kit_made_at(work) is None
        written, made_at = service_keys.make_kit(work, own.keys)
    assert len(written.split("-")) == 14
    with own.unit(own.owner) as work:
        assert service_keys.kit_made_at(work) == made_at


class _Typed:
    """Standard input that is no terminal."""

    def __init__(self, typed: str) -> None:
        self._typed = typed

    def isatty(self) -> bool:
        return False

    def read(self, most: int) -> str:
        return self._typed[:most]


def _recovery_key(kit: str) -> str:
    """The two lines of the printed kit that hold the key."""
    lines = [line.strip() for line in kit.splitlines() if line.strip().count("-") == 6]
    assert len(lines) == 2, kit
    return "-".join(lines)
