"""Weight files: what lies where, and loading it so that nothing wrong slips in.

A checkpoint is read with `weights_only`, every key and shape must match, and its sha256 goes into
the tables. Nothing here reaches for the network. Which are published is said in checkpoints.py.
"""

import os
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from labelers.loading.checkpoints import Checkpoint, known
from manifests.errors import SeagullError
from manifests.files import sha256_of_file


@dataclass(frozen=True)
class Presence:
    """A known checkpoint in a folder: valid | unchecked (no published sha256) | wrong | missing."""

    checkpoint: Checkpoint
    path: Path
    state: str


def status(folder: Path) -> list[Presence]:
    """Tell which of the `known()` checkpoints lie in `folder`."""
    return [Presence(c, folder / c.file, _state(c, folder / c.file)) for c in known()]


def _state(checkpoint: Checkpoint, path: Path) -> str:
    if not path.is_file():
        return "missing"
    if checkpoint.bytes not in (None, path.stat().st_size):
        return "wrong"
    if not checkpoint.sha256:
        return "unchecked"
    return "valid" if digest(path).startswith(checkpoint.sha256) else "wrong"


def required(path: str, name: str, setting: str, how: str = "") -> Path:
    """Return the weight file or folder at `path`; `how` tells where to get what nobody publishes.

    Raises:
        SeagullError: not given, not there, or a known file with other bytes than published.
    """
    published = [c for c in known() if c.name == name]
    hint = f"; {published[0].where}" if published else f"; {how}set {setting} to its path"
    if not path:
        raise SeagullError(f"{name} needs weights and {setting} is empty{hint}")
    file = Path(path).expanduser()
    if not file.exists():
        raise SeagullError(f"{name}: no weights at {file}{hint}")
    for checkpoint in known():
        if checkpoint.file == file.name and _state(checkpoint, file) == "wrong":
            raise SeagullError(
                f"{file} is not the published {checkpoint.file} (size or sha256 differs); "
                f"{checkpoint.where}, or rename it if it is your own"
            )
    return file


def digest(path: Path) -> str:
    """Sha256 of a file, or of the names and contents of a folder's files; hex, 64 digits."""
    if path.is_dir():
        return _folder_digest(path)
    stat = path.stat()
    return _file_digest(str(path), stat.st_size, stat.st_mtime_ns)


@lru_cache
def _file_digest(path: str, size: int, modified_ns: int) -> str:
    return sha256_of_file(Path(path))


def _folder_digest(folder: Path) -> str:
    import hashlib

    whole = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        whole.update(f"{file.relative_to(folder).as_posix()} {digest(file)}\n".encode())
    return whole.hexdigest()


def short(path: Path) -> str:
    """Shorten `digest` to its first 16 digits, as the tables carry it."""
    return digest(path)[:16]


def read_state(path: Path, key: str | None = None) -> dict[str, Any]:
    """Load the tensors of a .pth checkpoint by name, on the CPU; its part `key` where it has one.

    Raises:
        SeagullError: cut, no checkpoint, or holding more than tensors.
    """
    import torch

    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).split("\n")[0].split(". ")[0][:160]
        raise SeagullError(
            f"{path} is no whole checkpoint of plain tensors ({reason}); download it again"
        ) from error
    if key is not None and isinstance(state, Mapping) and key in state:
        state = state[key]
    if not isinstance(state, Mapping) or not all(torch.is_tensor(v) for v in state.values()):
        raise SeagullError(f"{path} holds no state dict of tensors; it is another file")
    return {k.removeprefix("module."): v for k, v in state.items()}


def load_into(module: Any, state: Mapping[str, Any], path: Path, name: str) -> None:
    """Load `state` into a torch module; every key and shape must match.

    Raises:
        SeagullError: with the share of the model's tensors that matched.
    """
    own = module.state_dict()
    matched = [k for k, v in own.items() if k in state and state[k].shape == v.shape]
    strange = [k for k in state if k not in own]
    if len(matched) < len(own) or strange:
        odd = next((k for k in own if k not in matched), None) or strange[0]
        raise SeagullError(
            f"{path} is not {name}: {len(matched) / len(own):.1%} of its tensors match, "
            f"{len(strange)} are unknown (first: {odd}); give the checkpoint of this model"
        )
    module.load_state_dict(dict(state))


def offline() -> None:
    """Tell Hugging Face's libraries to stay off the network; before they are imported."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
