"""What is done, failed, ready or waiting, read from the workspace's records."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from manifests.config import Config
from manifests.done import Done, read_done
from manifests.records import Failure
from manifests.workspace import Workspace
from pipeline.intake.sources import Source
from pipeline.run.failures import read_failures
from pipeline.stages.all_stages import STAGES, stage_by_name
from pipeline.stages.stage import Stage

Status = Literal["done", "failed", "ready", "waiting"]


@dataclass(frozen=True)
class State:
    """Where one scene stands in one stage; waiting means that an earlier stage is not done."""

    status: Status
    fingerprint: str = ""
    done: Done | None = None


class Ledger:
    """Answers for one configuration; the records are read anew at each question.

    Args:
        workspace: whose records.
        config: what should be done.
        names: the stages asked about; those they come after are looked at too.
        retry: whether what failed counts as ready.
        damaged: (stage, scene_id) of outputs known to be damaged: they count as not done.
    """

    def __init__(
        self,
        workspace: Workspace,
        config: Config,
        names: Sequence[str],
        retry: bool = False,
        damaged: Collection[tuple[str, str]] = (),
    ) -> None:
        self.workspace, self.retry, self.damaged = workspace, retry, set(damaged)
        wanted = with_upstream(names)
        self.stages = [stage for stage in STAGES if stage.name in wanted]
        self.inputs: dict[str, Mapping[str, Any]] = {s.name: s.inputs(config) for s in self.stages}
        self.failures: dict[tuple[str, str], Failure] = {
            (failure.stage, failure.key): failure for failure in read_failures(workspace)
        }

    def states(self, source: Source) -> dict[str, State]:
        """Return the scene's state in each stage, earlier stages first."""
        states: dict[str, State] = {}
        for stage in self.stages:
            states[stage.name] = self._state(stage, source, states)
        return states

    def _state(self, stage: Stage, source: Source, states: Mapping[str, State]) -> State:
        dones = {name: done for name in stage.after if (done := states[name].done)}
        if len(dones) < len(stage.after):
            return State("waiting")
        expected = stage.fingerprint(source, self.inputs[stage.name], dones)
        done = read_done(self.workspace.done(stage.name, source.scene_id))
        if done and done.fingerprint == expected and self._is_whole(done):
            return State("done", expected, done)
        failure = self.failures.get((stage.name, source.scene_id))
        failed = failure is not None and failure.fingerprint == expected and not self.retry
        return State("failed" if failed else "ready", expected)

    def _is_whole(self, done: Done) -> bool:
        known_damage = (done.stage, done.key) in self.damaged
        return not known_damage and done.first_change(self.workspace.root) is None

    def made(self, stage: str, key: str) -> None:
        """Note that the output was made anew, so that damage known before is gone."""
        self.damaged.discard((stage, key))


def with_upstream(names: Sequence[str]) -> set[str]:
    """List the stages named and all that they come after."""
    wanted = set(names)
    for name in names:
        wanted |= with_upstream(stage_by_name(name).after)
    return wanted
