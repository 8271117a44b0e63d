"""The same build on Ray nodes that go and come, every byte: the short form."""

from pipeline.torture.torture_places import rows


def test_a_build_gives_the_same_bytes_in_every_place():
    for row in rows(short=True):
        assert row["held"] == row["trials"] > 100, row
        assert row["note"].endswith("status 0"), row
