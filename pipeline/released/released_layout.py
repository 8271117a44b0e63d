"""Where the images of the released SEAGULL-100w are: Ref.Images, and a folder or zip a `Type_k`.

    Dist.Images/Blur/Blur_0.zip or Dist.Images/Blur/Blur_0/    {id}.png
    Ref.Images/ or Ref.Images.zip                              {id}.png

`k` is a serial number, not a level: the dataset's card says that degrees do not follow it.
"""

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from manifests.errors import SeagullError

# The card's text calls Noise sharpness; the folders are what is there.
TYPES: Mapping[str, str] = {
    "exposure": "exposure", "noise": "noise", "blur": "blur", "contrast": "contrast",
    "colorfulness": "colorfulness", "colourfulness": "colorfulness", "compression": "compression",
    "sharpness": "noise",
}  # fmt: skip
_FOLDER = re.compile(rf"({'|'.join(TYPES)})_(\d+)", re.I)
_REFERENCE = re.compile(r"ref[._ ]?images?", re.I)
IMAGES = (".png", ".jpg", ".jpeg", ".bmp")


@dataclass(frozen=True)
class Folder:
    """One `Type_k`: `distortion` is our name of the type."""

    name: str
    distortion: str
    k: int


def folder_named(text: str) -> Folder | None:
    """Read `Blur_7`; None when the text is no such name."""
    found = _FOLDER.fullmatch(text)
    if found is None:
        return None
    distortion = TYPES[found[1].lower()]
    return Folder(f"{found[1].capitalize()}_{int(found[2])}", distortion, int(found[2]))


@dataclass
class Shelf:
    """Images by id, from folders and zips alike: where each lies.

    A zip is opened once: its directory of 8,156 images takes longer to read than an image.
    """

    files: dict[str, Path] = field(default_factory=dict)
    members: dict[str, tuple[Path, str]] = field(default_factory=dict)
    archives: dict[Path, zipfile.ZipFile] = field(default_factory=dict)

    def ids(self) -> set[str]:
        """Return the ids that there are."""
        return self.files.keys() | self.members.keys()

    def file(self, image: str) -> Path | None:
        """Return the image's own file; None where it lies in a zip."""
        return self.files.get(image)

    def read(self, image: str) -> bytes:
        """Read the image's bytes.

        Raises:
            SeagullError: its file or zip is damaged.
        """
        path = self.files.get(image)
        try:
            if path is not None:
                return path.read_bytes()
            path, member = self.members[image]
            if path not in self.archives:
                self.archives[path] = zipfile.ZipFile(path)
            return self.archives[path].read(member)
        except (OSError, zipfile.BadZipFile, EOFError) as error:
            raise SeagullError(f"{path}: image {image} cannot be read: {error}") from error

    def close(self) -> None:
        """Close the zips that were read."""
        for archive in self.archives.values():
            archive.close()
        self.archives.clear()


@dataclass
class Layout:
    """What was found; `strange` are files that belong nowhere."""

    root: Path
    references: Shelf = field(default_factory=Shelf)
    folders: dict[Folder, Shelf] = field(default_factory=dict)
    rois: Path | None = None
    scores: Path | None = None
    strange: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Close the zips that were read."""
        for shelf in (self.references, *self.folders.values()):
            shelf.close()


def find_layout(root: Path) -> Layout:
    """Look through the folder.

    Raises:
        SeagullError: there are no reference images in it.
    """
    layout = Layout(root)
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        _place(layout, path)
    if not layout.references.ids():
        raise SeagullError(
            f"{root} holds no reference images; expected Ref.Images/{{id}}.png (or Ref.Images.zip),"
            " Dist.Images/{Type}/{Type}_{k}.zip or folders, and Labels/*.json"
        )
    return layout


def _place(layout: Layout, path: Path) -> None:
    name = path.relative_to(layout.root)
    if path.suffix.lower() == ".zip":
        _place_zip(layout, path)
    elif path.suffix.lower() in IMAGES:
        shelf = _shelf(layout, name.as_posix())
        if shelf is None:
            layout.strange.append(name.as_posix())
        else:
            shelf.files[path.stem] = path
    elif path.suffix.lower() == ".json":
        _place_labels(layout, path)
    elif not path.name.startswith(".") and path.suffix.lower() not in (".md", ".txt"):
        layout.strange.append(name.as_posix())


def _place_zip(layout: Layout, path: Path) -> None:
    name = path.relative_to(layout.root).with_suffix("").as_posix()
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.namelist() if m.lower().endswith(IMAGES)]
    except (OSError, zipfile.BadZipFile) as error:
        layout.strange.append(f"{path.relative_to(layout.root)}: {error}")
        return
    for member in members:
        shelf = _shelf(layout, f"{name}/{member}")
        if shelf is None:
            layout.strange.append(f"{path.name}:{member}")
        else:
            shelf.members[PurePosixPath(member).stem] = (path, member)


def _shelf(layout: Layout, name: str) -> Shelf | None:
    """Find the shelf that the innermost telling folder of the image's path names."""
    for part in reversed(name.split("/")[:-1]):
        folder = folder_named(part)
        if folder is not None:
            return layout.folders.setdefault(folder, Shelf())
        if _REFERENCE.fullmatch(part):
            return layout.references
    return None


def _place_labels(layout: Layout, path: Path) -> None:
    """The whole file where there is one, else the fast view."""
    for kind in ("rois", "scores"):
        if kind in path.stem.lower():
            known = getattr(layout, kind)
            if known is None or "fast-view" in known.stem:
                setattr(layout, kind, path)
            return
    layout.strange.append(path.relative_to(layout.root).as_posix())
