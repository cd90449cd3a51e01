"""Secrets are bound to their row, and a recovery key opens what it was made for."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.secrets import envelope, recovery
from gateway.core.secrets.envelope import MasterKey, Sealed, Unreadable

HERE, THERE = "credentials|1|secret", "credentials|2|secret"


@given(st.text(min_size=1))
def test_what_is_sealed_opens_again_and_shows_nothing(secret: str) -> None:
    master = MasterKey.new()
    sealed = envelope.seal(master, secret, HERE)
    assert envelope.unseal(master, sealed, HERE) == secret
    assert len(secret) < 4 or secret.encode() not in sealed.ciphertext + sealed.wrapped_key


def test_secrets_are_bound_to_their_row() -> None:
    """A row's values in another row, in whatever combination, open nothing."""
    master = MasterKey.new()
    here, there = envelope.seal(master, "here", HERE), envelope.seal(master, "there", THERE)
    mixed = (there, dataclasses.replace(here, ciphertext=there.ciphertext),
             dataclasses.replace(here, wrapped_key=there.wrapped_key))  # fmt: skip
    for sealed in mixed:
        with pytest.raises(Unreadable):
            envelope.unseal(master, sealed, HERE)


def test_one_changed_bit_opens_nothing() -> None:
    master = MasterKey.new()
    sealed = envelope.seal(master, "secret", HERE)
    for name in ("wrapped_key", "ciphertext"):
        value: bytes = getattr(sealed, name)
        for position in range(len(value)):
            changed = value[:position] + bytes([value[position] ^ 1]) + value[position + 1 :]
            with pytest.raises(Unreadable):
                envelope.unseal(master, dataclasses.replace(sealed, **{name: changed}), HERE)
        for cut in (b"", value[:11], value[:-1], value + b"\0"):
            with pytest.raises(Unreadable):
                envelope.unseal(master, dataclasses.replace(sealed, **{name: cut}), HERE)


def test_another_key_or_key_id_opens_nothing() -> None:
    master, other = MasterKey.new(), MasterKey.new()
    sealed = envelope.seal(master, "secret", HERE)
    with pytest.raises(Unreadable):
        envelope.unseal(other, sealed, HERE)
    with pytest.raises(Unreadable):
        envelope.unseal(master, dataclasses.replace(sealed, kid=other.kid), HERE)


def test_two_secrets_never_share_a_data_key() -> None:
    master = MasterKey.new()
    first, second = (envelope.seal(master, "the same", HERE) for _ in range(2))
    assert first.ciphertext != second.ciphertext
    with pytest.raises(Unreadable):
        envelope.unseal(master, Sealed(first.kid, second.wrapped_key, first.ciphertext), HERE)


def test_rewrapping_keeps_the_secret_and_ends_the_old_key() -> None:
    old, new = MasterKey.new(), MasterKey.new()
    sealed = envelope.seal(old, "secret", HERE)
    renewed = envelope.rewrap(old, new, sealed, HERE)
    assert envelope.unseal(new, renewed, HERE) == "secret"
    assert renewed.ciphertext == sealed.ciphertext
    with pytest.raises(Unreadable):
        envelope.unseal(old, renewed, HERE)
    with pytest.raises(Unreadable):
        envelope.rewrap(new, old, sealed, HERE)


def test_a_key_id_tells_the_key_and_not_more() -> None:
    master = MasterKey.new()
    assert MasterKey.of(master.key).kid == master.kid
    assert master.kid not in master.key.hex()
    assert master.key.hex() not in repr(master)
    assert repr(master.key) not in repr(master)


def test_a_recovery_key_opens_every_master_key_that_was_sealed_for_it() -> None:
    written, public = recovery.new_pair()
    for master in (MasterKey.new(), MasterKey.new()):
        sealed = recovery.seal_for(public, master)
        assert recovery.open_with(written, master.kid, sealed) == master
    assert recovery.public_half(written) == public


def test_a_recovery_key_may_be_typed_as_a_person_types() -> None:
    written, public = recovery.new_pair()
    assert len(written.split("-")) == 14
    assert not set("01IO") & set(written)
    for typed in (written.lower(), written.replace("-", " "), f"  {written[:34]}\n  {written[35:]}\n"):
        assert recovery.public_half(typed) == public


def test_a_mistyped_recovery_key_is_noticed() -> None:
    written, _ = recovery.new_pair()
    swapped = ("A" if written[0] != "A" else "B") + written[1:]
    for typed in ("", written[:-1], written + "A", written.replace(written[-1], "0"), swapped):
        with pytest.raises(ValueError, match="recovery key"):
            recovery.public_half(typed)


def test_another_recovery_key_and_changed_bytes_open_nothing() -> None:
    (written, public), (other, _), master = recovery.new_pair(), recovery.new_pair(), MasterKey.new()
    sealed = recovery.seal_for(public, master)
    with pytest.raises(Unreadable):
        recovery.open_with(other, master.kid, sealed)
    with pytest.raises(Unreadable):
        recovery.open_with(written, "another-kid", sealed)
    for position in (0, 31, 32, 44, len(sealed) - 1):
        changed = sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :]
        with pytest.raises(Unreadable):
            recovery.open_with(written, master.kid, changed)
