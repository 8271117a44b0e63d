"""Tasks in processes of this machine, started as tasks need them."""

from multiprocessing.connection import wait

from pipeline.workers.child_process import Limits, NotStartedError, Work, WorkerProcess
from pipeline.workers.worker import Outcome, Task

LOOK_S = 0.1  # between two looks at the limits: at 3 GB a second, 300 MB late
STARTS = 3  # children in a row that end before they are ready, before the run ends


class LocalExecutor:
    """At most `workers` processes, one task each; one that ends costs its own task."""

    def __init__(self, workers: int, limits: Limits, work: Work) -> None:
        self.workers, self.limits, self.work = workers, limits, work
        self.idle: list[WorkerProcess] = []
        self.busy: list[WorkerProcess] = []
        self.failed_starts = 0

    def free(self, pool: str) -> int:
        """All pools share the workers here."""
        return self.workers - len(self.busy)

    def submit(self, pool: str, task: Task) -> None:
        """Give the task to a process."""
        worker = self._living() or WorkerProcess(self.work, self.limits)
        self.busy.append(worker)
        worker.give(task)

    def _living(self) -> WorkerProcess | None:
        while self.idle:
            worker = self.idle.pop()
            if worker.process.poll() is None:
                return worker
            worker.stop()
        return None

    def next_outcome(self) -> Outcome:
        """Wait for one process, or for the first to pass a limit.

        Raises:
            SeagullError: processes do not start.
        """
        while True:
            speaking = wait([worker.connection for worker in self.busy], LOOK_S)
            for worker in list(self.busy):
                outcome = self._look(worker, worker.connection in speaking)
                if outcome:
                    return outcome

    def _look(self, worker: WorkerProcess, has_said: bool) -> Outcome | None:
        try:
            outcome = worker.outcome() if has_said else worker.exceeded()
        except NotStartedError:
            self.failed_starts += 1
            if self.failed_starts >= STARTS:
                raise
            self._start_again(worker)
            return None
        if worker.ready:
            self.failed_starts = 0
        if outcome:
            self._let_go(worker)
        return outcome

    def _start_again(self, worker: WorkerProcess) -> None:
        """The same task in another process; it costs no attempt, for the task was not begun."""
        task = worker.task
        self._let_go(worker)
        if task:
            self.submit("", task)

    def _let_go(self, worker: WorkerProcess) -> None:
        self.busy.remove(worker)
        if worker.task is None:  # its task ended by itself
            self.idle.append(worker)
        else:
            worker.stop()

    def close(self) -> None:
        """Stop the processes."""
        for worker in [*self.busy, *self.idle]:
            worker.stop()
        self.busy, self.idle = [], []
