"""One process of a pretraining under FSDP2 on a CPU, stopped after a step as by a kill.

Accelerate shares parameters on accelerators alone; everything it does then works on CPUs too, so
this program lets it take its processes for those of GPUs. Arguments: the workspace, the YAML, the
step.
"""

import sys
from pathlib import Path

from accelerate.state import PartialState
from accelerate.utils import DistributedType
from torch.distributed.tensor import DTensor

from manifests.presets import load_config
from manifests.workspace import Workspace
from training.train import learning
from training.train.loop import Trainer


def stopping_after(step):
    real = Trainer._after

    def after(self, run, position):
        real(self, run, position)
        if position.step == step:
            shared = [isinstance(p, DTensor) for p in self.network.parameters()]
            sys.exit(0 if all(shared) and run.count == 2 else "nothing is shared")

    return after


if __name__ == "__main__":
    PartialState(cpu=True)
    PartialState._shared_state["distributed_type"] = DistributedType.MULTI_GPU
    Trainer._after = stopping_after(int(sys.argv[3]))
    learning.pretrain(Workspace(Path(sys.argv[1])), load_config(sys.argv[2]))
