"""A process that is asked and answers in JSON objects, one a line.

It says {"ready": ..} or {"error": ..} once, then answers each request with an object of the same
"id". Lines that are no JSON objects and answers to earlier requests are passed over. What it writes
to standard error is kept for its last words. What is asked and answered is the caller's.
"""

import json
import queue
import signal
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import IO, Any

from manifests.errors import SceneError, SeagullError

_LONGEST_LINE = 2**26


class Process:
    """The subprocess, a thread that reads its lines, and the end of both.

    SeagullError where it cannot be started.
    """

    def __init__(self, name: str, command: Sequence[str], folder: str | None) -> None:
        self.name = name
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        try:
            self.popen = subprocess.Popen(
                command,
                cwd=folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self.errors,
                start_new_session=True,
            )
        except OSError as error:
            raise SeagullError(f"{self.name}: cannot start {command[0]}: {error}") from error
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
        """Send a request and wait for its own answer; SceneError "died" or "timeout"."""
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
        """Wait for the next line that is a JSON object with one of `keys`."""
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
