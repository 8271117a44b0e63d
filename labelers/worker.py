"""Detectors in a process and an interpreter of their own: SEEM and detectron2.

Neither is on PyPI, and their checkouts have top-level packages (utils, datasets, pipeline) that
must never meet ours. So they run in the user's own interpreter and speak JSON lines:

    to it    {"id": 7, "height": H, "width": W, "rgb": "<base64 of HxWx3 bytes>"}
    from it  {"ready": "<what was loaded>"} or {"error": "<why not>"} once, then for each request
             {"id": 7, "objects": [{"box": [x0, y0, x1, y1], "class_name": .., "score": ..}]}
             or {"id": 7, "error": ".."}

Lines that are no JSON objects and answers to earlier requests are passed over. A worker that dies
or hangs costs the scene it was asked about, and a new one is started for the next.
"""

import base64
import json
import math
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Any

from labelers.candidates import Detection, Image
from labelers.weights import digest
from manifests.errors import SceneError, SeagullError

# Run by path without putting this folder on the worker's sys.path.
_RUN = "import runpy, sys; runpy.run_path(sys.argv.pop(1), run_name='__main__')"
_SCRIPT = Path(__file__).with_name("worker_process.py")
_LONGEST_LINE = 2**26


@dataclass(frozen=True)
class WorkerSettings:
    """How to start a worker and how long to wait for it, in seconds."""

    name: str  # seem | detectron2
    command: tuple[str, ...]
    folder: str | None = None  # where it runs
    start_s: float = 1800.0  # SEEM's text table takes up to ten minutes on a CPU
    answer_s: float = 300.0


def settings(name: str, weights: Path, device: str, options: Mapping[str, Any]) -> WorkerSettings:
    """Settings from `masks.detector_options`: python, repo, config, and what the worker takes.

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
        self.process: _Process | None = None
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

    def _started(self) -> "_Process":
        if self.process is None:
            process = _Process(self.settings)
            try:
                process.greet(self.settings.start_s)
            except SceneError as error:
                process.end()
                raise SeagullError(f"{self.settings.name} did not start: {error}") from error
            self.process = process
        return self.process


class _Process:
    """The subprocess, a thread that reads its lines, and the end of both."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.name = settings.name
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        try:
            self.popen = subprocess.Popen(
                settings.command,
                cwd=settings.folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                start_new_session=True,
            )
        except OSError as error:
            raise SeagullError(
                f"{self.name}: cannot start {settings.command[0]}: {error}"
            ) from error
        self.lines: queue.Queue[bytes | None] = queue.Queue()
        assert self.popen.stdout is not None
        reader = threading.Thread(target=_read, args=(self.popen.stdout, self.lines), daemon=True)
        reader.start()
        self.end = weakref.finalize(self, _end, self.popen, reader, self.errors)

    def greet(self, seconds: float) -> None:
        """Wait until it is ready; SceneError when it is not."""
        answer = self._next(monotonic() + seconds, ("ready", "error"))
        if "error" in answer:
            raise SceneError("model", str(answer["error"]))

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """Send a request and wait for its own answer."""
        assert self.popen.stdin is not None
        try:
            self.popen.stdin.write(json.dumps(request).encode() + b"\n")
            self.popen.stdin.flush()
        except OSError as error:
            raise SceneError("died", f"{self.name} ended: {self._last_words()}") from error
        deadline = monotonic() + seconds
        while True:
            answer = self._next(deadline, ("id",))
            if answer["id"] == request["id"]:
                return answer

    def _next(self, deadline: float, keys: Sequence[str]) -> dict[str, Any]:
        """The next line that is a JSON object with one of `keys`."""
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, deadline - monotonic()))
            except queue.Empty:
                raise SceneError("timeout", f"{self.name} did not answer in time") from None
            if line is None:
                raise SceneError("died", f"{self.name} ended: {self._last_words()}")
            with suppress(ValueError):
                answer = json.loads(line)
                if isinstance(answer, dict) and any(key in answer for key in keys):
                    return answer

    def _last_words(self) -> str:
        self.errors.seek(0)
        said = self.errors.read()[-2000:].decode(errors="replace").split("\n")
        return next((line.strip()[:200] for line in reversed(said) if line.strip()), "no word")


def _read(stream: IO[bytes], lines: "queue.Queue[bytes | None]") -> None:
    with suppress(ValueError, OSError):  # closed while reading
        while line := stream.readline(_LONGEST_LINE):
            lines.put(line)
    lines.put(None)


def _end(popen: "subprocess.Popen[bytes]", reader: threading.Thread, errors: IO[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        # Its own children may hold the pipe open: end the session it leads.
        import os

        os.killpg(popen.pid, signal.SIGKILL)
    popen.wait()
    reader.join(timeout=5)
    for stream in (popen.stdin, popen.stdout, errors):
        if stream is not None:
            with suppress(OSError):
                stream.close()


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
