"""The machine that a measure ran on. It names neither host nor path."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path

LIBRARIES = ("numpy", "ai-edge-litert", "keras", "tensorflow", "pillow", "starlette")


def describe() -> dict[str, str]:
    """Processor, cores, memory, system and versions, each as text."""
    versions = [f"{name} {metadata.version(name)}" for name in LIBRARIES]
    return {
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "system": _system(),
        "versions": ", ".join([f"Python {platform.python_version()}", *versions]),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    values = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    if "model name" not in values:
        return platform.processor() or platform.machine()
    return f"{values['model name']}, family {values.get('cpu family', '?')} model {values.get('model', '?')}"


def _system() -> str:
    try:
        name = platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        name = platform.system()
    return f"{name}, {platform.system()} {platform.release().partition('-')[0]}"
