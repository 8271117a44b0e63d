"""What the bytes of a rendering may depend on: versions of libraries, features of the processor."""

import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import cv2
import numpy as np

PACKAGES = (
    "numpy", "opencv-python-headless", "rawpy", "lensfunpy", "scipy", "scikit-image", "torch",
    "pyiqa", "pyarrow",
)  # fmt: skip


def environment() -> dict[str, Any]:
    """Libraries of this process by name, the code paths that NumPy, OpenCV and torch may take."""
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "libraries": {name: version(name) for name in PACKAGES},
        "features": _features(),
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:  # noqa: PTH123
            found = (line.partition(":")[2].strip() for line in file if "model name" in line)
            return next(found, platform.processor())
    except OSError:
        return platform.processor()


def _features() -> dict[str, str]:
    """The names of what is in use, space-separated, by library."""
    import torch
    from threadpoolctl import threadpool_info

    numpys: Mapping[str, bool] = np._core._multiarray_umath.__cpu_features__  # type: ignore[attr-defined]
    used = {"numpy": " ".join(sorted(name for name, there in numpys.items() if there))}
    used["opencv"] = cv2.getCPUFeaturesLine()
    used["torch"] = torch.backends.cpu.get_cpu_capability()
    blas = {i["architecture"] for i in threadpool_info() if i.get("internal_api") == "openblas"}
    used["openblas"] = " ".join(sorted(blas))
    return used


def differences(theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    """What differs between two environments, a line each: theirs, then ours."""
    lines = [
        f"{key}: {theirs.get(key)}, here {ours.get(key)}"
        for key in ("python", "machine", "processor")
        if theirs.get(key) != ours.get(key)
    ]
    for group in ("libraries", "features"):
        one, other = theirs.get(group, {}), ours.get(group, {})
        for name in sorted({*one, *other}):
            if one.get(name) != other.get(name):
                lines.append(_difference(group, name, one.get(name), other.get(name)))
    return lines


def _difference(group: str, name: str, theirs: str | None, ours: str | None) -> str:
    if group == "libraries" or theirs is None or ours is None:
        return f"{name}: {theirs}, here {ours}"
    lost = [word for word in theirs.split() if word not in ours.split()]
    gained = [word for word in ours.split() if word not in theirs.split()]
    parts = [f"without {' '.join(lost)}"] * bool(lost) + [f"with {' '.join(gained)}"] * bool(gained)
    return f"{name}'s processor features: here {', '.join(parts)}"
