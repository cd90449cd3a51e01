"""What machine the node runs on, and how loaded it is."""

import platform
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import psutil

NVIDIA = Path("/proc/driver/nvidia/gpus")
AMD = Path("/sys/class/kfd/kfd/topology/nodes")


@cache
def report() -> dict[str, Any]:
    """What stays as it is while the node runs: system, processors, memory, GPUs."""
    return {
        "os": platform.system().lower(),
        "arch": platform.machine().lower(),
        "cpus": psutil.cpu_count() or 1,
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": gpus(NVIDIA, AMD) or _apple(),
    }


def gpus(nvidia: Path, amd: Path) -> list[str]:
    """The names of the GPUs that the system's drivers list in these folders."""
    found = []
    for card in sorted(nvidia.glob("*/information")):
        lines = dict(line.split(":", 1) for line in card.read_text(errors="replace").splitlines() if ":" in line)
        found.append(lines.get("Model", "NVIDIA GPU").strip())
    for card in sorted(amd.glob("*/properties")):
        lines = dict(line.split(None, 1) for line in card.read_text(errors="replace").splitlines() if " " in line)
        if lines.get("simd_count", "0").strip() != "0":
            name = card.with_name("name").read_text(errors="replace").strip() if card.with_name("name").exists() else ""
            found.append(name or "AMD GPU")
    return found


def load(folder: Path) -> dict[str, Any]:
    """How loaded the machine is now; the processors since the last call. `folder` is where the node keeps its files."""
    memory = psutil.virtual_memory()
    return {
        "cpu_percent": psutil.cpu_percent(),
        "load_average": round(psutil.getloadavg()[0], 2),
        "memory_percent": memory.percent,
        "memory_available_bytes": memory.available,
        "disk_free_bytes": shutil.disk_usage(folder).free,
    }


def _apple() -> list[str]:
    is_apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    return ["Apple GPU"] if is_apple else []
