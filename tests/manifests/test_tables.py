"""Records through Parquet, read back by us, by pandas and by DuckDB."""

import duckdb
import pandas as pd
import pytest

from manifests.errors import SeagullError
from manifests.records import Label, Scene, WhiteBalance
from manifests.tables import read_records, schema, to_parquet, write_records

SCENE = Scene(
    "a-01234567", "raw/a.NEF", "0" * 64, 12, None, "D7000", None, "none: no lens", None, 0.01, 5.6,
    50.0, 4948, 3280, WhiteBalance("camera", (2.0, 1.0, 1.5)), "train",
)  # fmt: skip


def _label(number: int) -> Label:
    return Label(f"a-0_noise_{number:02d}", "a-0_obj000", "a-0", 0.5, 0.1, "noise", "ssim", "1")


def test_what_is_written_is_what_is_read(tmp_path):
    path = tmp_path / "scenes" / "a.parquet"
    write_records(path, [SCENE], Scene)
    assert read_records(path, Scene) == [SCENE]
    assert read_records(path.parent, Scene) == [SCENE]


def test_a_table_is_a_folder_that_pandas_and_duckdb_open(tmp_path):
    for number in range(3):
        write_records(tmp_path / "labels" / f"s{number}.parquet", [_label(number)] * 2, Label)
    frame = pd.read_parquet(tmp_path / "labels")
    assert list(frame.columns) == schema(Label).names
    assert len(frame) == 6
    query = f"select count(*), sum(quality) from '{tmp_path}/labels/*.parquet'"
    assert duckdb.sql(query).fetchall() == [(6, 3.0)]


def test_same_records_same_bytes_and_no_records_still_a_table(tmp_path):
    assert to_parquet([SCENE], Scene) == to_parquet([SCENE], Scene)
    write_records(tmp_path / "none.parquet", [], Label)
    assert read_records(tmp_path / "none.parquet", Label) == []


def test_a_missing_table_is_empty_and_a_cut_file_is_an_error_that_names_it(tmp_path):
    assert read_records(tmp_path / "labels", Label) == []
    path = tmp_path / "cut.parquet"
    path.write_bytes(to_parquet([_label(1)], Label)[:-20])
    with pytest.raises(SeagullError, match=r"cut\.parquet is no whole Label table"):
        read_records(path, Label)
