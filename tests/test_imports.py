"""Which folder may import which: the way of the data is one-directional."""

import ast
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


def _imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module)
    return names


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_comes_before_it(folder):
    for path in (ROOT / folder).rglob("*.py"):
        for name in _imports(path):
            top = name.split(".")[0]
            if top in MAY_IMPORT and top != folder:
                assert top in MAY_IMPORT[folder], f"{path.name} imports {name}"
            if top in OWNED:
                assert folder in OWNED[top].split(), f"{path.name} imports {name}"


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_no_two_modules_import_each_other(folder):
    modules = {f"{folder}.{p.stem}": _imports(p) for p in (ROOT / folder).glob("*.py")}
    for name, imported in modules.items():
        for other in imported & set(modules):
            assert name not in modules[other], f"{name} and {other} import each other"


def test_no_folder_has_a_module_for_odds_and_ends():
    assert not [p for folder in MAY_IMPORT for p in (ROOT / folder).rglob("util*.py")]
