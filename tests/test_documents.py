"""What the documents name is there: files, rooms, links; and Python that they show compiles."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FOLDERS = "manifests|isp|labelers|annotation|pipeline|training|tests|examples|docs"
PATH = re.compile(rf"(?<![\w/.{{])((?:{FOLDERS})/[\w./]*\w|(?:{FOLDERS})/)")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_paths_are_there(document):
    text = document.read_text()
    missing = [path for path in PATH.findall(text) if not (ROOT / path).exists()]
    assert not missing
    for link in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (document.parent / link).exists(), link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_python_compiles(document):
    for code in re.findall(r"```python\n(.*?)```", document.read_text(), re.S):
        compile(code, document.name, "exec")


def test_the_file_map_names_every_room():
    block = (ROOT / "README.md").read_text().split("## File map")[1].split("```")[1]
    rooms = [
        path.parent
        for folder in FOLDERS.split("|")
        for path in ROOT.glob(f"{folder}/*/__init__.py")
    ]
    assert len(rooms) > 20
    assert not [room.name for room in rooms if not re.search(rf"\b{room.name}/", block)]
