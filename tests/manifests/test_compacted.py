"""Rows taken out of a merged table are the bytes of the scene's own file, maps among them."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from manifests.compacted import scene_rows
from manifests.ratings import Rating
from manifests.tables import parse_records, to_parquet


def rating(scene: str, blur: int) -> Rating:
    severities = {"noise": 5, "blur": blur, "sharpening": 0}
    return Rating(f"{scene}_ref", f"{scene}_obj000", scene, "r01", "people", 3, 2, severities)


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def test_a_scene_comes_out_of_a_merged_table_as_it_went_in():
    own = {scene: to_parquet([rating(scene, 1), rating(scene, 5)], Rating) for scene in "ab"}
    tables = [pq.read_table(io.BytesIO(content)) for content in own.values()]
    merged = pq.read_table(io.BytesIO(parquet(pa.concat_tables(tables).combine_chunks())))
    assert {scene: parquet(scene_rows(merged, scene)) for scene in own} == own
    assert parse_records(own["a"], Rating, "a") == [rating("a", 1), rating("a", 5)]
