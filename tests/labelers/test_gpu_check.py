"""The GPU check run on the CPU: fp32 agrees with itself, bf16 does not."""

from collections.abc import Callable

import pytest
import torch

from labelers.checks import gpu_labels as gpu_check
from labelers.loading.precision import precision


def test_rows_against_the_cpu(tiny_sam: Callable) -> None:
    found = {row["what"]: float(row["error"]) for row in gpu_check.rows("cpu", tiny_sam(), 48)}
    assert found["SAM masks, fp32"] == found["TOPIQ labels, fp32"] == 0
    assert 0 < found["TOPIQ labels, bf16"] < 0.2


@pytest.mark.parametrize("name", ["fp32", "tf32", "bf16"])
def test_flags_are_put_back(name: str) -> None:
    before = torch.backends.cudnn.allow_tf32
    with precision(name, "cpu"):
        assert torch.backends.cudnn.allow_tf32 == (name == "tf32")
        assert torch.is_autocast_enabled("cpu") == (name == "bf16")
    assert torch.backends.cudnn.allow_tf32 == before
