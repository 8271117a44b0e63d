"""Re-opens the tars of a dataset: their bytes, their samples, and these against the tables.

What is checked: every tar and index against its done record; every sample's key, split and image
against the tables, a label for each of its ROIs, and that no sample lies in two tars of a split.
What is not: the tables themselves (verify.py).
"""

import json
import tarfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from manifests.done import read_done
from manifests.files import sha256_of, sha256_of_file
from manifests.records import Scene
from manifests.workspace import Workspace


def check_shards(
    workspace: Workspace,
    split: str,
    scenes: list[Scene],
    seen: Counter[str],
    images: dict[str, str],
) -> Iterator[str]:
    """Yield the problems of one split's tars; `images` is the tables' sha256 by rendering_id."""
    mine = {scene.scene_id for scene in scenes if scene.split == split}
    found: Counter[str] = Counter()
    for record in sorted(workspace.shards(split).glob("*.done.json")):
        done = read_done(record)
        tar = record.with_name(record.name.replace(".done.json", ".tar"))
        if done is None or any(
            sha256_of_file(record.parent / name) != sha for name, sha in done.files.items()
        ):
            yield f"{tar}: not the bytes of its done record"
            continue
        seen["shards"] += 1
        yield from _tar(tar, mine, images, found)
    seen["samples"] += found.total()
    yield from (f"{key}: in {count} shards" for key, count in found.items() if count > 1)


def _tar(tar: Path, scenes: set[str], images: dict[str, str], found: Counter[str]) -> Iterator[str]:
    members: dict[str, dict[str, bytes]] = {}
    with tarfile.open(tar) as archive:
        for member in archive:
            key, _, extension = member.name.partition(".")
            file = archive.extractfile(member)
            members.setdefault(key, {})[extension] = file.read() if file else b""
    for key, parts in members.items():
        found[key] += 1
        yield from _sample(f"{tar.name}: {key}", key, parts, scenes, images)


def _sample(
    where: str, key: str, parts: dict[str, bytes], scenes: set[str], images: dict[str, str]
) -> Iterator[str]:
    text = parts.pop("json", b"{}")
    content: dict[str, Any] = json.loads(text)
    if content.get("rendering_id") != key or content.get("scene_id") not in scenes:
        yield f"{where}: another rendering, or a scene of another split"
    if [sha256_of(image) for image in parts.values()] != [images.get(key)]:
        yield f"{where}: its image is not the rendering of the tables"
    if len(content.get("labels", [])) != len(content.get("rois", [])):
        yield f"{where}: {len(content['labels'])} labels for {len(content['rois'])} ROIs"
