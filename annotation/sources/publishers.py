"""Published datasets of authentic photographs: where their tables lie and what they hold.

A folder is known by its table. What is not there as published is an error that says what was
expected; a table's row whose picture is missing is left to whoever opens it.

    LIVE in the Wild (LIVEC)  Data/AllImages_release.mat and AllMOS_release.mat, Images/
    BID                       DatabaseGrades.xlsx, .csv or .xls, ImageDatabase/DatabaseImage0001.JPG
    SPAQ                      Annotations/MOS and Image attribute scores.xlsx, TestImage/
    KonIQ-10k                 koniq10k_scores_and_distributions.csv, 1024x768/
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from annotation.sources.published import Published
from manifests.errors import SeagullError

SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"])
_Rows = list[tuple[str, float]]


@dataclass(frozen=True)
class Publisher:
    """How one dataset is laid out: a table found by its name, a folder of pictures, its scale."""

    name: str
    tables: tuple[str, ...]  # patterns below the dataset's folder
    pictures: str
    mos_top: float
    read: Callable[[Path], _Rows]  # the table's pictures and opinions


def find_photographs(folder: Path) -> list[Published]:
    """Every photograph of a folder, by file name, with its published opinion where there is one.

    Raises:
        SeagullError: no such folder, nothing in it, or a table that is not as published.
    """
    if not folder.is_dir():
        raise SeagullError(f"--images {folder}: no such folder")
    for publisher in PUBLISHERS:
        for pattern in publisher.tables:
            tables = sorted(folder.glob(pattern))
            if tables:
                return _published(publisher, folder, tables[0])
    files = [
        p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES and _is_visible(p, folder)
    ]
    if not files:
        raise SeagullError(
            f"--images {folder}: no photographs in it; expected {', '.join(sorted(SUFFIXES))}, or"
            " LIVEC, BID, SPAQ or KonIQ-10k as its publisher distributes it"
        )
    return [
        Published(
            "folder", path, f"{folder.name}/{path.relative_to(folder).as_posix()}", None, None
        )
        for path in sorted(files)
    ]


def _is_visible(path: Path, folder: Path) -> bool:
    return not any(part.startswith(".") for part in path.relative_to(folder).parts)


def _published(publisher: Publisher, folder: Path, table: Path) -> list[Published]:
    pictures = folder / publisher.pictures
    if not pictures.is_dir():
        raise SeagullError(
            f"{folder} has {table.name} but no folder {publisher.pictures}/ with its pictures"
        )
    rows = publisher.read(table)
    if not rows:
        raise SeagullError(f"{table} names no photograph")
    nested = {p.name: p for p in pictures.rglob("*") if p.suffix.lower() in SUFFIXES}
    found = []
    for name, mos in sorted(rows):
        path = nested.get(name, pictures / name)
        file = path.relative_to(folder).as_posix()
        found.append(Published(publisher.name, path, file, mos, publisher.mos_top))
    return found


def _read_livec(table: Path) -> _Rows:
    names = _matrix(table, "AllImages_release")
    opinions = _matrix(table.with_name("AllMOS_release.mat"), "AllMOS_release")
    files = [str(np.asarray(cell).ravel()[0]) for cell in names.ravel()]
    if len(files) != opinions.size:
        raise SeagullError(f"{table}: {len(files)} images, but {opinions.size} opinions beside it")
    return [(file, float(mos)) for file, mos in zip(files, opinions.ravel(), strict=True)]


def _matrix(path: Path, name: str) -> np.ndarray:
    from scipy.io import loadmat, whosmat

    if not path.is_file():
        raise SeagullError(f"{path} is missing; LIVEC is distributed with it")
    try:
        there = [variable for variable, _, _ in whosmat(path)]
        if name in there:
            return np.asarray(loadmat(path, variable_names=[name])[name])
    except Exception as error:  # what is no .mat raises ValueError, TypeError, struct.error, ...
        raise SeagullError(f"{path} is no MATLAB file of version 4 to 7.2: {error}") from error
    raise SeagullError(f"{path}: expected a variable {name}, found {', '.join(there) or 'none'}")


def _read_bid(table: Path) -> _Rows:
    frame = _frame(table)
    number = _column(frame, table, "image number", "image")
    grade = _column(frame, table, "average subjective grade", "average", "mos")
    there = frame[[number, grade]].dropna()
    return [(f"DatabaseImage{int(n):04d}.JPG", float(m)) for n, m in there.itertuples(index=False)]


def _read_spaq(table: Path) -> _Rows:
    frame = _frame(table)
    return _pairs(frame, _column(frame, table, "image name"), _column(frame, table, "mos"))


def _read_koniq(table: Path) -> _Rows:
    frame = _frame(table)
    return _pairs(frame, _column(frame, table, "image_name"), _column(frame, table, "mos"))


def _pairs(frame: pd.DataFrame, name: str, mos: str) -> _Rows:
    there = frame[[name, mos]].dropna()
    return [(str(file).strip(), float(value)) for file, value in there.itertuples(index=False)]


def _frame(table: Path) -> pd.DataFrame:
    suffix = table.suffix.lower()
    if suffix == ".xls":
        raise SeagullError(f"{table}: save it as .xlsx or .csv first; the old .xls is not read")
    try:
        frame: pd.DataFrame = pd.read_csv(table) if suffix == ".csv" else pd.read_excel(table)
    except Exception as error:  # openpyxl and pandas raise whatever a broken file makes them
        raise SeagullError(f"{table} is no readable table: {error}") from error
    return frame


def _column(frame: pd.DataFrame, table: Path, *names: str) -> str:
    """The column of the first of these names, whatever its case."""
    there: Mapping[str, Any] = {str(c).strip().lower(): c for c in frame.columns}
    for name in names:
        if name in there:
            return str(there[name])
    found = ", ".join(map(str, frame.columns))
    raise SeagullError(f"{table}: expected a column '{names[0]}', found {found}")


PUBLISHERS = (
    Publisher("livec", ("Data/AllImages_release.mat",), "Images", 100.0, _read_livec),
    Publisher(
        "bid",
        ("DatabaseGrades.xlsx", "DatabaseGrades.csv", "DatabaseGrades.xls"),
        "ImageDatabase",
        5.0,
        _read_bid,
    ),
    Publisher("spaq", ("Annotations/MOS*.xlsx",), "TestImage", 100.0, _read_spaq),
    Publisher("koniq", ("*scores_and_distributions.csv",), "1024x768", 5.0, _read_koniq),
)
