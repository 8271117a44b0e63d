"""Batches that fit: a constant on a CPU, halved where a GPU runs out."""

import pytest
import torch

from labelers.loading.batching import batch_size, in_batches


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_results_come_in_order(size: int) -> None:
    assert in_batches(list(range(7)), size, lambda some: [x * x for x in some]) == [
        x * x for x in range(7)
    ]


def test_a_batch_that_does_not_fit_is_halved() -> None:
    tried = []

    def work(some: list[int]) -> list[int]:
        tried.append(len(some))
        if len(some) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return some

    assert in_batches(list(range(8)), 8, work) == list(range(8))
    assert tried == [8, 4, 2, 2, 2, 2]


def test_one_that_does_not_fit_alone_is_told() -> None:
    def work(some: list[int]) -> list[int]:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        in_batches([1, 2], 4, work)


def test_a_cpu_takes_the_usual_number() -> None:
    assert batch_size("cpu", 2**40, 5) == 5
    assert batch_size("cpu", 1, 0) == 1


def test_a_gpu_is_half_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (10 * 2**30, 80 * 2**30))
    assert batch_size("cuda", 2**30, 4) == 5
    assert batch_size("cuda", 2**40, 4) == 1
