from labelers.checks.bench_edges import rows


def test_a_row_a_long_edge():
    (row,) = rows([160])
    assert row["long_edge"] == 160 and row["rois"] > 0
    assert 0 < row["masks_cpu_s"] < 60 and 0 < row["labels_cpu_s"] < 60
    assert 50 < row["peak_mib"] < 2000
