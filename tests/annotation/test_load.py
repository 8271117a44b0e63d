"""The short form of the load proof: clients at full speed, the server killed."""

from annotation.simulation.load_proof import prove
from manifests.config import StudyConfig


def test_what_was_acknowledged_is_there_once_whatever_kills_the_server(tmp_path):
    config = StudyConfig(rois=60, raters=6, ratings_per_roi=5, session_items=30)
    proof = prove(config, kills=2, root=tmp_path)
    assert (proof.lost, proof.doubled) == (0, 0)
    assert (proof.fewest_a_roi, proof.most_a_roi) == (5, 5)
    assert proof.acknowledged == proof.votes >= 300 and proof.kills == 2
