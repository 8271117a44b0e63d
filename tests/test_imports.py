"""Which folder may import which: the way of the data is one-directional, within a folder too."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAY_IMPORT = {
    "manifests": set(),
    "isp": {"manifests"},
    "labelers": {"manifests"},
    "annotation": {"manifests", "labelers"},
    "pipeline": {"manifests", "isp", "labelers", "annotation"},
    "training": {"manifests"},
}
OWNED = {  # outside packages that only one folder may import
    "rawpy": "isp",
    "lensfunpy": "isp",
    "segment_anything": "labelers",
    "pyiqa": "labelers",
    "ray": "pipeline",
    "click": "pipeline",
    "transformers": "training labelers",  # labelers: the hf detectors and segmenters
    "peft": "training",
}


def _modules(folder: str) -> dict[str, Path]:
    """Every module of a folder and its rooms, by dotted name."""
    found = {}
    for path in sorted((ROOT / folder).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = {name: path for folder in MAY_IMPORT for name, path in _modules(folder).items()}


def _imports(path: Path) -> set[str]:
    """What a file imports, at its top or anywhere in it: modules of ours, packages of others."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            inside = {f"{node.module}.{alias.name}" for alias in node.names} & set(MODULES)
            names |= inside or {node.module}
    return names


def _room(module: str) -> str:
    return module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_comes_before_it(folder):
    for path in _modules(folder).values():
        for name in _imports(path):
            top = name.split(".")[0]
            if top in MAY_IMPORT and top != folder:
                assert top in MAY_IMPORT[folder], f"{path.name} imports {name}"
            if top in OWNED:
                assert folder in OWNED[top].split(), f"{path.name} imports {name}"


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_no_two_modules_import_each_other(folder):
    mine = {name: _imports(path) & set(MODULES) for name, path in _modules(folder).items()}
    for name, imported in mine.items():
        for other in imported & set(mine):
            assert name not in mine[other], f"{name} and {other} import each other"


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_rooms_of_a_folder_import_one_way(folder):
    edges: dict[str, set[str]] = {}
    for name, path in _modules(folder).items():
        for other in _imports(path) & set(MODULES):
            if other.split(".")[0] == folder and _room(other) != _room(name):
                edges.setdefault(_room(name), set()).add(_room(other))
    while edges:  # take away rooms that import nothing any more: what is left is a ring
        last = [room for room, others in edges.items() if not others & set(edges)]
        assert last, f"rooms import in a ring: {edges}"
        for room in last:
            del edges[room]


def test_no_room_imports_the_folder_above_it():
    for name, path in MODULES.items():
        if name.count(".") == 2:  # a module in a room
            above = {m for m in _imports(path) & set(MODULES) if _room(m) == name.split(".")[0]}
            assert not above, f"{name} imports {above}"


def test_no_basename_stands_twice_in_the_tree():
    names = Counter(path.name for path in MODULES.values() if not path.name.startswith("__"))
    assert not [name for name, count in names.items() if count > 1]


def test_no_room_is_crowded():
    files = (path for path in MODULES.values() if not path.name.startswith("__"))
    rooms = Counter(str(path.parent.relative_to(ROOT)) for path in files)
    crowded = {room: n for room, n in rooms.items() if n > FLAT.get(room, ROOM_FOR)}
    assert not crowded, f"more files than there is room for: {crowded}"


ROOM_FOR = 14  # files beside `__init__.py` and `__main__.py`
FLAT = {"manifests": 24}  # the contract has no rooms


def test_the_file_list_of_every_room_is_its_folder():
    """The docstring of an `__init__` names every file and room beside it, and no other."""
    for path in MODULES.values():
        if path.name != "__init__.py":
            continue
        text = ast.get_docstring(ast.parse(path.read_text())) or ""
        listed = set(re.findall(r"^\s*([a-z_]+\.py|[a-z_]+/)\s", text, re.M))
        there = {p.name for p in path.parent.glob("*.py") if not p.name.startswith("__")}
        there |= {f"{p.parent.name}/" for p in path.parent.glob("*/__init__.py")}
        assert listed == there, f"{path.parent.relative_to(ROOT)}: {listed ^ there}"


def test_no_folder_has_a_module_for_odds_and_ends():
    assert not [path for path in MODULES.values() if path.name.startswith("util")]
