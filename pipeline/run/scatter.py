"""The same work on many units, each on its own, in any order: checks and shards.

Unlike the flow of stages (flow.py) nothing follows from anything: every unit gives one outcome.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing

from pipeline.workers.executors import Executor, Work
from pipeline.workers.worker import Outcome, Task

FEW = 8  # units that are done before an executor would have started

Start = Callable[[Work], Executor]


def scatter(tasks: Sequence[Task], work: Work, start: Start | None) -> Iterator[Outcome]:
    """Do every task with `work`, on the executor that `start` makes of it; outcomes as they come.

    A few tasks, or all without `start`, are done in this process. A worker that dies or hangs costs
    its own task.
    """
    if start is None or len(tasks) <= FEW:
        yield from map(work, tasks)
        return
    with closing(start(work)) as executor:
        yield from drain(executor, tasks)


def drain(executor: Executor, tasks: Sequence[Task]) -> Iterator[Outcome]:
    """Give the tasks to the executor, in order, as it takes them; outcomes as they come."""
    waiting, running = list(reversed(tasks)), 0
    while waiting or running:
        while waiting and executor.free("cpu") > 0:
            executor.submit("cpu", waiting.pop())
            running += 1
        outcome = executor.next_outcome()
        if outcome:
            running -= 1
            yield outcome
