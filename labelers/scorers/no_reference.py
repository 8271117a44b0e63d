"""No-reference metrics of pyiqa by name, with weights by path: what baselines are made of.

The weights are the state dict of pyiqa's whole network (`metric.py` says how to save it). A metric
that fetches its backbone in a way of its own cannot be made without the network and is refused.
"""

from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from labelers.loading import weights
from labelers.loading.iqa import blank_metric
from labelers.scorers.metric import HOW_TO_SAVE
from manifests.errors import SeagullError


def open_no_reference(name: str, path: Path, device: str) -> Any:
    """Load pyiqa's metric `name` (hyperiqa, dbcnn, cnniqa, ...) with the state dict at `path`.

    Returns:
        pyiqa's InferenceModel: `net`, `lower_better`, and a call on (N, 3, H, W) in [0, 1].

    Raises:
        SeagullError: no such metric, or the file is not its network's.
    """
    import timm

    if not path.is_file():
        raise SeagullError(f"{path} is missing: {HOW_TO_SAVE.format(name=name)}or train it there")
    unfetched = partial(_made_without_weights, timm.create_model)
    try:
        with patch.object(timm, "create_model", unfetched):
            metric = blank_metric(name, device)
    except SeagullError:
        raise
    except Exception as error:  # whatever pyiqa's architectures raise without a network
        reason = str(error).splitlines()[0][:160]
        raise SeagullError(
            f"pyiqa's '{name}' cannot be made without its files: {reason}"
        ) from error
    if metric.metric_mode != "NR":
        raise SeagullError(f"pyiqa's '{name}' compares with a reference; a baseline has none")
    weights.load_into(metric.net, weights.read_state(path), path, name)
    return metric


def _made_without_weights(create: Any, *names: Any, **options: Any) -> Any:
    return create(*names, **{**options, "pretrained": False})
