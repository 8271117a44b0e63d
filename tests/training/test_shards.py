from itertools import islice

import pytest

from manifests.errors import SeagullError
from manifests.workspace import Workspace
from training.data import sample_index
from training.data import shard_reader as shards


def shuffled(workspace, split, seed, start=0):
    """Samples in training's order."""
    places = sample_index.index(workspace, split)
    return (p.read() for p in sample_index.shuffled_places(places, seed, start))


def ids(samples, count):
    return [s.rendering_id for s in islice(samples, count)]


def test_reader_gives_what_the_writer_wrote(workspace):
    read = list(shards.in_order(workspace, "train"))
    assert len(read) == 14 and len({s.rendering_id for s in read}) == 14
    first = read[0]
    assert first.rendering_id == "a-00000000_ref"
    assert [r.roi_id for r in first.rois] == [label.roi_id for label in first.labels]
    assert first.image.startswith(b"\x89PNG")
    for rated in shards.in_order(Workspace(workspace.study), "train"):
        assert [r.roi_id for r in rated.rois] == [label.roi_id for label in rated.labels]


def test_card(workspace):
    card = shards.read_card(workspace)
    assert (card.dataset, card.quality_top, card.importance_top) == ("seagull-100w", 1.0, 0.25)
    assert card.samples == {"train": 14, "val": 0, "test": 7}
    assert shards.read_card(Workspace(workspace.study)).raters == "simulated"


def test_every_epoch_is_complete_and_in_another_order(workspace):
    whole = sorted(s.rendering_id for s in shards.in_order(workspace, "train"))
    stream = ids(shuffled(workspace, "train", seed=0), 42)
    epochs = [stream[:14], stream[14:28], stream[28:]]
    assert [sorted(e) for e in epochs] == [whole] * 3
    assert epochs[0] != epochs[1] != epochs[2]
    assert stream != ids(shuffled(workspace, "train", seed=1), 42)


@pytest.mark.parametrize("start", [1, 13, 14, 15, 30])
def test_a_stream_is_taken_up_where_it_stopped(workspace, start):
    whole = ids(shuffled(workspace, "train", seed=0), 50)
    assert ids(shuffled(workspace, "train", seed=0, start=start), 50 - start) == whole[start:]


def test_what_is_missing_is_said_in_one_line(workspace, tmp_path):
    with pytest.raises(SeagullError, match="run `make shards`"):
        shards.read_card(Workspace(tmp_path / "nowhere"))
    with pytest.raises(SeagullError, match="no shards"):
        list(shards.in_order(workspace, "val"))
    workspace.dataset_card.write_text('{"dataset": "seagull-100w"}')
    with pytest.raises(SeagullError, match="no dataset card"):
        shards.read_card(workspace)


def test_fingerprint_follows_the_bytes(workspace):
    before = shards.data_fingerprint(workspace)
    tar = workspace.shards("train") / "000000.tar"
    tar.write_bytes(tar.read_bytes() + b"\0")
    assert shards.data_fingerprint(workspace) != before
