"""A RAW developed in a process of its own: one that kills the decoder costs itself alone."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifests.config import Config
from manifests.errors import SceneError
from manifests.files import sha256_of_file

LIMIT_S = 120.0  # of one RAW


def develop_apart(path: Path, config: Config) -> NDArray[np.uint8]:
    """The reference that the dataset would hold of this RAW, uint8 HxWx3 RGB, sRGB-encoded.

    Raises:
        SceneError: as the ISP has it; died or timeout, where it did not end by itself.
    """
    if not path.is_file():
        raise SceneError("unreadable", f"{path}: no such file")
    image: NDArray[np.uint8] = run_apart(str(path), LIMIT_S, reference_of_raw, path, config)
    return image


def reference_of_raw(path: Path, config: Config) -> NDArray[np.uint8]:
    """`develop_apart` in this process."""
    from isp.development.recipes import REFERENCE
    from isp.development.renderer import develop
    from manifests.images import decode_image

    _, images = develop(path, sha256_of_file(path), [REFERENCE], config.render, config.seed)
    return np.asarray(decode_image(next(iter(images)).content, str(path)), np.uint8)


def run_apart(name: str, limit_s: float, work: Callable[..., Any], *arguments: Any) -> Any:
    """`work(*arguments)` in a fresh process; what it raises is raised here.

    Raises:
        SceneError: died or timeout; `name` says what it was about.
    """
    context = multiprocessing.get_context("spawn")  # LibRaw's threads do not survive a fork
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(theirs, work, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(limit_s):
            raise SceneError("timeout", f"{name}: stopped after {limit_s:g} s")
        result = ours.recv()
    except EOFError as error:
        raise SceneError("died", f"{name}: the decoder died of it") from error
    finally:
        process.kill()
        process.join()
        ours.close()
    if isinstance(result, BaseException):
        raise result
    return result


def _report(connection: Connection, work: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    try:
        connection.send(work(*arguments))
    except Exception as error:
        connection.send(error)
