from manifests.config import Config
from training.train import seeds


def test_the_table_has_mean_range_and_targets(monkeypatch, tmp_path):
    def stage(share):
        def numbers(space, config):
            assert (space.root / "shards").samefile(tmp_path / "shards")
            named = {one.name.removeprefix("study_"): 0.2 + 0.1 * config.seed
                     for one in seeds.WANTED if one.name != "quality_words"}  # fmt: skip
            said = {f"quality_said_{w}": share * n for n, w in enumerate(("bad", "poor", "fair"))}
            return named | said | {"type_majority": 0.1, "majority_severity_f1": 0.07}

        return numbers

    for name in ("shards", "study"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(seeds, "pretrain", stage(0.5))
    monkeypatch.setattr(seeds, "finetune", stage(0.0))
    rows = seeds.table([seeds.trained(tmp_path, seed, Config()) for seed in (0, 1, 2)]).splitlines()
    assert "| type_accuracy | 0.55 | 0.300 | 0.200 to 0.400 |" in rows
    assert "| study_severity_f1 | 0.14 | 0.300 | 0.200 to 0.400 |" in rows
    assert "| quality_words | 5.00 | 2.000 | 2.000 to 2.000 |" in rows
