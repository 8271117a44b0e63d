import gc

import pytest

from manifests.process.memory import garbage_kept


def test_garbage_is_looked_for_again_whatever_happened():
    assert gc.isenabled()
    with pytest.raises(ZeroDivisionError), garbage_kept():
        assert not gc.isenabled()
        raise ZeroDivisionError
    assert gc.isenabled()


def test_who_does_not_look_for_garbage_is_left_alone():
    gc.disable()
    try:
        with garbage_kept():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
