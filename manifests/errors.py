"""Errors meant for people: one line that says what was expected, what came, and what to do.

`SeagullError` ends a command with its message and no traceback. `SceneError` costs one scene: it
becomes a row of the failures table under its fixed `reason`, and the run goes on. `MachineError`
says nothing about a scene: it ends the run and leaves no row.
"""

from typing import Literal, get_args

from manifests.paths import one_line

Reason = Literal[
    "unreadable",  # the file ends early or its structure is broken
    "empty",  # zero bytes
    "not_raw",  # LibRaw does not know the format
    "unsupported",  # a RAW we understand but cannot develop
    "too_large",  # more pixels than the configuration allows
    "duplicate",  # another file of the same run has the same key
    "missing_input",  # what an earlier stage should have left is not there or not whole
    "no_rois",  # nothing on the reference passed the ROI filters
    "model",  # a model refused or failed on this scene
    "died",  # the worker process ended (crash, killed)
    "memory",  # more memory than a task may take (work.memory_mb), or than there is
    "timeout",  # the worker was stopped at the wall-clock limit
    "internal",  # a defect of this program: please report it
]

REASONS: tuple[str, ...] = get_args(Reason)


class SeagullError(Exception):
    """A mistake that its maker can mend. The message is the whole story, in one line.

    Names of files and tags in it come from outside: what does not print is escaped.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class MachineError(SeagullError):
    """The machine refuses: a full or read-only disk, a quota, a permission. It settles nothing.

    The run ends with the message in one line and goes on where it was when the same is run again.
    """


class SceneError(SeagullError):
    """What is wrong with one scene; `reason` is one of `REASONS`."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message = one_line(message)

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.reason, self.message)
