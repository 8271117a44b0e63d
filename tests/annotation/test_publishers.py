"""Published datasets in their own layouts, and what is not as published; photographs' bytes."""

from pathlib import Path

import cv2
import numpy as np
import openpyxl
import pytest
from PIL import Image
from scipy.io import savemat

from annotation.sources.photo_file import read_photo
from annotation.sources.publishers import find_photographs
from manifests.errors import SceneError, SeagullError


def photo(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (40, 60, 3), np.uint8)
    assert cv2.imwrite(str(path), pixels)
    return path


def livec(root: Path, count: int = 3, variable: str = "AllMOS_release") -> Path:
    names = ["trainingImages/t1.bmp", *(f"{n}.bmp" for n in range(count - 1))]
    for n, name in enumerate(names):
        photo(root / "Images" / name, n)
    cells = np.empty((count, 1), object)
    cells[:, 0] = [name.rpartition("/")[2] for name in names]
    (root / "Data").mkdir()
    savemat(root / "Data" / "AllImages_release.mat", {"AllImages_release": cells})
    savemat(root / "Data" / "AllMOS_release.mat", {variable: np.arange(count)[None] * 10.0})
    return root


def table(path: Path, rows: list[tuple]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        path.write_text("\n".join(",".join(map(str, row)) for row in rows))
        return path
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def bid(root: Path) -> Path:
    table(root / "DatabaseGrades.xlsx",
          [("Image Number", "Average Subjective Grade"), (1, 3.5), (12, 0.4)])  # fmt: skip
    for number in (1, 12):
        photo(root / "ImageDatabase" / f"DatabaseImage{number:04d}.JPG", number)
    return root


def spaq(root: Path) -> Path:
    name = "MOS and Image attribute scores.xlsx"
    table(
        root / "Annotations" / name, [("Image name", "MOS", "Brightness"), ("00001.jpg", 61.5, 1)]
    )
    photo(root / "TestImage" / "00001.jpg")
    return root


def koniq(root: Path) -> Path:
    rows = [("image_name", "c1", "c2", "MOS", "SD"), ("10004.jpg", 0, 1, 3.9, 0.5)]
    table(root / "koniq10k_scores_and_distributions.csv", rows)
    photo(root / "1024x768" / "10004.jpg")
    return root


@pytest.mark.parametrize(
    ("make", "source", "expected"),
    [
        (livec, "livec", {"Images/trainingImages/t1.bmp": (0, 100), "Images/0.bmp": (10, 100),
                          "Images/1.bmp": (20, 100)}),
        (bid, "bid", {"ImageDatabase/DatabaseImage0001.JPG": (3.5, 5),
                      "ImageDatabase/DatabaseImage0012.JPG": (0.4, 5)}),
        (spaq, "spaq", {"TestImage/00001.jpg": (61.5, 100)}),
        (koniq, "koniq", {"1024x768/10004.jpg": (3.9, 5)}),
    ],
)  # fmt: skip
def test_each_publisher_is_read_as_it_distributes(tmp_path, make, source, expected):
    found = find_photographs(make(tmp_path / "set"))
    assert {p.source for p in found} == {source}
    assert {p.file: (p.mos, p.mos_top) for p in found} == expected
    assert all(p.path.is_file() for p in found)


def test_any_folder_is_read_without_opinions(tmp_path):
    for name in ("b.png", "a/x.jpg", ".hidden/y.jpg"):
        photo(tmp_path / "mine" / name)
    (tmp_path / "mine" / "notes.txt").write_text("")
    found = find_photographs(tmp_path / "mine")
    assert [p.file for p in found] == ["mine/a/x.jpg", "mine/b.png"]
    assert {(p.source, p.mos) for p in found} == {("folder", None)}


def test_what_is_not_as_published_is_told(tmp_path):
    other = livec(tmp_path / "livec", variable="MOS")
    with pytest.raises(SeagullError, match="expected a variable AllMOS_release, found MOS"):
        find_photographs(other)
    (other / "Data" / "AllMOS_release.mat").write_bytes(b"MATLAB 7.3" + b"\0" * 200)
    with pytest.raises(SeagullError, match=r"AllMOS_release.mat is no MATLAB file"):
        find_photographs(other)
    (other / "Data" / "AllMOS_release.mat").unlink()
    with pytest.raises(SeagullError, match="is missing"):
        find_photographs(other)
    missing = koniq(tmp_path / "koniq")
    table(missing / "koniq10k_scores_and_distributions.csv", [("image_name", "score"), ("a", 1)])
    with pytest.raises(SeagullError, match="expected a column 'mos', found image_name, score"):
        find_photographs(missing)
    broken = spaq(tmp_path / "spaq")
    (broken / "Annotations" / "MOS and Image attribute scores.xlsx").write_bytes(b"no book")
    with pytest.raises(SeagullError, match="no readable table"):
        find_photographs(broken)
    old = bid(tmp_path / "bid")
    (old / "DatabaseGrades.xlsx").rename(old / "DatabaseGrades.xls")
    with pytest.raises(SeagullError, match="save it as"):
        find_photographs(old)
    for folder, text in ((tmp_path / "none", "no such folder"), (tmp_path, None)):
        if text:
            with pytest.raises(SeagullError, match=text):
                find_photographs(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SeagullError, match="no photographs in it"):
        find_photographs(tmp_path / "empty")


def test_photographs_keep_their_bytes_and_a_bmp_its_pixels(tmp_path):
    jpeg, bmp = photo(tmp_path / "a.jpg"), photo(tmp_path / "b.bmp", 1)
    kept, made = read_photo(jpeg), read_photo(bmp)
    assert kept.content == jpeg.read_bytes() and not kept.converted and kept.extension == "jpg"
    assert made.converted and made.extension == "png"
    with Image.open(bmp) as image:
        assert np.array_equal(made.pixels, np.asarray(image.convert("RGB")))
    renamed = jpeg.rename(tmp_path / "c.png")  # known by its content, not its name
    assert read_photo(renamed).extension == "jpg"


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"text", "unreadable"), (None, "missing_input"), ("cut", "unreadable")],
)
def test_a_damaged_photograph_is_a_reason(tmp_path, content, reason):
    path = tmp_path / "a.jpg"
    if content == "cut":
        whole = photo(tmp_path / "whole.jpg").read_bytes()
        path.write_bytes(whole[: len(whole) // 2])
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(SceneError) as told:
        read_photo(path)
    assert told.value.reason == reason and str(path) in told.value.message
