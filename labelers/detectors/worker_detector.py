"""Detectors in a process and an interpreter of their own: SEEM and detectron2.

Neither is on PyPI, and their checkouts have top-level packages (utils, datasets, pipeline) that
must never meet ours. So they run in the user's own interpreter and speak JSON lines
(json_lines.py):

    to it    {"id": 7, "height": H, "width": W, "rgb": "<base64 of HxWx3 bytes>"}
    from it  {"ready": "<what was loaded>"} or {"error": "<why not>"} once, then for each request
             {"id": 7, "objects": [{"box": [x0, y0, x1, y1], "class_name": .., "score": ..}]}
             or {"id": 7, "error": ".."}

A worker that dies or hangs costs the scene it was asked about, and a new one is started for the
next.
"""

import base64
import json
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labelers.contracts.candidates import Detection, Image
from labelers.loading.json_lines import Process
from labelers.loading.weights import digest
from manifests.errors import SceneError, SeagullError

# Run by path without putting this folder on the worker's sys.path.
_RUN = "import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
_SCRIPT = Path(__file__).with_name("worker_process.py")


@dataclass(frozen=True)
class WorkerSettings:
    """How to start a worker and how long to wait for it, in seconds."""

    name: str  # seem | detectron2
    command: tuple[str, ...]
    folder: str | None = None  # where it runs
    start_s: float = 1800.0  # SEEM's text table takes up to ten minutes on a CPU
    answer_s: float = 300.0


def settings(name: str, weights: Path, device: str, options: Mapping[str, Any]) -> WorkerSettings:
    """Read `masks.detector_options`: python, repo, config, and what the worker takes.

    Raises:
        SeagullError: an option is missing or names nothing.
    """
    paths = {key: _absolute(options.get(key)) for key in _MEANING}
    for key, path in paths.items():
        if not (path and Path(path).exists()) and (path or key != "repo" or name == "seem"):
            raise SeagullError(
                f"{name} needs masks.detector_options.{key} "
                f"({_MEANING[key].format(name=name)}), got '{path}'"
            )
    request = {
        **options,
        **paths,
        "name": name,
        "weights": _absolute(weights),
        "digest": digest(weights),
        "device": device,
    }
    return WorkerSettings(
        name,
        (paths["python"], "-c", _RUN, str(_SCRIPT), json.dumps(request)),
        paths["repo"] or None,
        float(options.get("start_s", WorkerSettings.start_s)),
        float(options.get("answer_s", WorkerSettings.answer_s)),
    )


def _absolute(path: str | Path | None) -> str:
    """Links stay: the link to python is what makes a virtual environment."""
    return str(Path(path).expanduser().absolute()) if path else ""


_MEANING = {
    "python": "the interpreter that {name} is installed for",
    "repo": "the folder of its checkout, branch v1.0",
    "config": "its YAML configuration",
}


class WorkerDetector:
    """A detector in another process, started once and again whenever it is lost."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.process: Process | None = None
        self.asked = 0
        self._started()

    def detect(self, image: Image) -> list[Detection]:
        """Objects of an encoded RGB image (uint8 HxWx3), best first.

        Raises:
            SceneError: "died", "timeout" or "model", with the worker's last words.
        """
        self.asked += 1
        request = {
            "id": self.asked,
            "height": image.shape[0],
            "width": image.shape[1],
            "rgb": base64.b64encode(image.tobytes()).decode("ascii"),
        }
        try:
            answer = self._started().ask(request, self.settings.answer_s)
            return _detections(answer, image, self.settings.name)
        except SceneError as error:
            if error.reason != "model":
                self.close()
            raise

    def close(self) -> None:
        """End the worker, if there is one."""
        if self.process is not None:
            self.process.end()
        self.process = None

    def _started(self) -> Process:
        if self.process is None:
            process = Process(self.settings.name, self.settings.command, self.settings.folder)
            try:
                process.greet(self.settings.start_s)
            except SceneError as error:
                process.end()
                raise SeagullError(f"{self.settings.name} did not start: {error}") from error
            self.process = process
        return self.process


def _detections(answer: Mapping[str, Any], image: Image, name: str) -> list[Detection]:
    if "error" in answer:
        raise SceneError("model", f"{name}: {' '.join(str(answer['error']).split())[:300]}")
    try:
        found = [_detection(item, image) for item in answer["objects"]]
    except (KeyError, TypeError, ValueError) as error:
        raise SceneError("model", f"{name} answered with no list of objects: {error}") from error
    return sorted(found, key=lambda d: -(d.score or 0.0))


def _detection(item: Mapping[str, Any], image: Image) -> Detection:
    height, width = image.shape[:2]
    x0, y0, x1, y1 = (float(v) for v in item["box"])
    if not (math.isfinite(x0 + y0 + x1 + y1) and x0 < x1 and y0 < y1):
        raise ValueError(f"box {item['box']}")
    score = item.get("score")
    box = (max(x0, 0.0), max(y0, 0.0), min(x1, float(width)), min(y1, float(height)))
    label = item.get("class_name")
    return Detection(box, label, None if score is None else round(float(score), 6))


def load_worker(
    name: str, weights: Path, device: str, options: Mapping[str, Any]
) -> WorkerDetector:
    """Start the worker `name` (seem, detectron2) and wait until its model is loaded.

    Raises:
        SeagullError: an option is missing, or the worker says why it cannot.
    """
    if sys.platform == "win32":
        raise SeagullError(f"{name} runs in a worker process, which needs a POSIX system")
    return WorkerDetector(settings(name, weights, device, options))
