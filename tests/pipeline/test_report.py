"""The report's order, its tables beside the paper's, its tiles."""

import json
import re
import shutil

import pandas as pd

from manifests.presets import load_config
from manifests.workspace import Workspace
from pipeline.look.figures import training_curve
from pipeline.look.report import write_report
from pipeline.look.report_tables import assessment_table, type_table, word_table
from pipeline.look.study_section import study_section


def test_the_report_s_tables_are_the_paper_s():
    """Rows of ours beside the majority answer, and the paper's own numbers marked as another's."""
    study = {
        "quality_srocc": 0.5, "quality_plcc": 0.25, "importance_srocc": float("nan"),
        "precision": 0.5, "recall": 0.25, "f1": 1 / 3,
        "majority": {"precision": 0.1, "recall": 0.2, "f1": 0.15},
        "severity": {"precision": 0.3, "recall": 0.3, "f1": 0.3},
        "majority_severity": {"precision": 0.01, "recall": 0.02, "f1": 0.013},
        "type_f1": {"blur": 0.9, "clean": 0.5, "sharpening": 0.1},
        "majority_type_f1": {"blur": 0.6, "clean": 0.0, "sharpening": 0.0},
        "quality_grade_accuracy": 0.75, "quality_grade_majority": 0.5,
    }  # fmt: skip
    table = assessment_table({"ours": study})
    assert sum(span for _, span in table.groups) == len(table.columns) == 10
    assert table.rows[0].cells[2] == "–"  # a correlation that is not defined
    ours, common, paper = (dict(enumerate(row.cells)) for row in table.rows)
    assert [ours[i] for i in (0, 1, 4, 7, 9)] == ["0.500", "0.250", "30.0", "50.0", "33.3"]
    assert [common[i] for i in (0, 6, 9)] == ["–", "1.3", "15.0"]
    # Table 1 of the paper, its last row.
    assert [paper[i] for i in (0, 2, 6, 9)] == ["0.745", "0.860", "29.0", "59.1"]
    assert "paper's dataset" in table.rows[-1].name
    types = type_table({"ours": study})
    assert types.columns[-2:] == ("sharpening", "mean")  # a type that the paper has not
    assert types.rows[0].cells[0] == "90.0" and types.rows[0].cells[-1] == "50.0"
    assert types.rows[-1].cells[-2:] == ("–", "46.9")
    assert all(len(row.cells) == len(types.columns) for row in types.rows)
    assert word_table({"ours": study}).rows[0].cells == ("75.0", "–", "–")


def test_the_report_s_tiles_open_their_renderings(tiny, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(tiny, out)
    path = write_report(Workspace(out), load_config(str(out / "config.yaml")))
    page = path.read_text()
    tiles = re.findall(r'<a href="(\.\./renderings/[^"]+)"', page)
    assert len(tiles) == 6 * 21
    assert all((path.parent / tile).is_file() for tile in tiles)
    order = [
        page.index(f'id="{name}"') for name in ("holds", "right", "labels", "learned", "failed")
    ]
    assert order == sorted(order) and page.index("<details>") > order[-1]


def test_the_report_says_what_raters_said(tmp_path):
    study = Workspace(tmp_path)
    assert study_section(study) == {}
    ratings = [(f"r{n}", n != 2, False, float(n)) for n in range(3)] + [("r0", True, True, 9.0)]
    tables = {
        "ratings": pd.DataFrame(ratings, columns=["rater", "valid", "repeat", "seconds"]).assign(
            rendering_id="i", roi_id="a"
        ),
        "raters": pd.DataFrame(
            {"rater": ["r0", "r1", "r2"], "raters": "people", "valid": [True, True, False]}
        ),
        "screening": pd.DataFrame(
            {"rater": ["r0", "r2", "r2"], "check": ["golden", "golden", "seconds"]}
        ).assign(passed=[True, False, False]),
        "agreement": pd.DataFrame({"question": ["quality"], "value": [0.5], "measure": "alpha"}),
        "estimates": pd.DataFrame({"question": ["quality", "blur"], "mean": [2.0, None]}),
    }
    for name, table in tables.items():
        study.table(name).mkdir(parents=True)
        table.to_parquet(study.table(name) / "all.parquet")
    said = study_section(study)
    assert said["facts"] == [
        ("raters", "3, 2 of them counted"),
        ("answers", "4, 2 of them counted"),
        ("images", "1"),
        ("ROIs", "1"),
        ("ratings a ROI", "2 to 2"),
        ("seconds an answer, median", "1.5"),
    ]
    assert not said["simulated"]
    assert [(row["rater"], row["failed"]) for row in said["raters"]] == [
        ("r2", "golden, seconds"), ("r0", ""), ("r1", ""),
    ]  # fmt: skip
    assert said["figure"].startswith(b"\x89PNG")


def test_the_report_tells_how_a_training_went(tiny, tmp_path):
    """The val split's best step, and how long data kept the network waiting."""
    out = tmp_path / "out"
    shutil.copytree(tiny, out)
    folder = Workspace(out).models / "pretrain"
    folder.mkdir(parents=True, exist_ok=True)
    curve = [
        {"step": n + 1, "loss": 3 / (n + 1), "lr": 1e-3, "samples_per_s": 40.0, "data_wait": 0.03}
        for n in range(60)
    ]
    validated = [
        {"step": step, "val_loss": loss, "val_f1": 0.1 * n, "val_type_accuracy": 0.2}
        for n, (step, loss) in enumerate([(20, 0.9), (40, 0.5), (60, 0.7)])
    ]
    for name, rows in (("curve", curve), ("validation", validated)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    page = write_report(Workspace(out), load_config(str(out / "config.yaml"))).read_text()
    course = "60 steps; 40 ROIs a second; 3.0% of the time waiting for data; "
    assert course + "least loss on val 0.500, at step 40" in page
    assert training_curve(curve, validated) != training_curve(curve)
