"""Ray's nodes go and come, others hold its CPUs, its address is wrong: the short form."""

from pipeline.torture.torture_nodes import rows


def test_what_ray_does_to_a_run_is_survived_or_said():
    played = list(rows(short=True))
    assert len(played) == 3
    for row in played:
        assert row["held"] == row["trials"], row
