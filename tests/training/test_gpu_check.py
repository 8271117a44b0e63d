"""The training check run on the CPU: fp32 agrees with itself, bf16 nearly."""

from training.train.gpu_step import rows


def test_rows_against_the_cpu():
    errors = [float(row["error"]) for row in rows("cpu")]
    assert errors[0] == 0
    assert 0 < errors[1] < 0.2
