from isp.tools import bench_renderings as bench
from isp.tools import bench_sizes as sizes
from isp.tools.photographs import bundled
from isp.tools.unprocess import write_dng
from manifests.config import RenderConfig


def test_a_row_a_way_of_rendering_and_missing_peers_are_named(tmp_path, monkeypatch):
    raw = tmp_path / "small.dng"
    write_dng(bundled()["chelsea"](), raw, "small")
    monkeypatch.setattr(bench.shutil, "which", lambda name: None)
    rows = {r["what"]: r for r in bench.rows(raw, RenderConfig(long_edge=128))}
    assert rows["whole scene"]["times_ours"] == 1.0
    assert rows["rawtherapee-cli"]["cpu_s"] is rows["darktable-cli"]["cpu_s"] is None
    for name in ("the 20 noise renderings", "the 100 that share a demosaicing"):
        assert rows[name]["cpu_s"] > 0
    (peer,) = (r for name, r in rows.items() if name.startswith("rawpy"))
    assert peer["cpu_s"] > rows["floor of the 100: table look-up and JPEG"]["cpu_s"]


def test_cpu_seconds_count_children():
    import subprocess
    import sys

    busy = "t = __import__('time').process_time\nwhile t() < 0.3: pass"
    seconds = bench.cpu_seconds(lambda: subprocess.run([sys.executable, "-c", busy], check=True))
    assert 0.25 < seconds < 5


def test_a_row_by_size_of_file_and_rendering(monkeypatch):
    monkeypatch.setenv("PATH", "")
    (row,) = sizes.rows([0.3], [128])
    assert row["megapixels"] == 0.3 and row["long_edge"] == 128
    assert 0 < row["noise_cpu_s"] < row["scene_cpu_s"]
    assert row["peak_mib"] > 50
    assert row["rawpy_cpu_s"] > 0 and row["noise_demosaiced_cpu_s"] > 0
    assert row["rawtherapee-cli"] is row["darktable-cli"] is None  # not installed
