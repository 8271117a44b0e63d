"""A Ray cluster whose nodes are processes of this machine, and rows that say what it did."""

import os
import secrets
from contextlib import suppress
from typing import Any

import psutil

Row = dict[str, Any]


def row_of(promise: str, trials: int, held: int, note: str) -> Row:
    """Return a row of the table that `torture.py` prints."""
    return {"promise": promise, "trials": trials, "held": held, "note": note}


def surroundings() -> dict[str, str]:
    """Return an environment of no other Ray, with a token of its own."""
    others = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    return others | {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(16),
    }


def start_cluster(nodes: int) -> Any:
    """Start nodes of one CPU each; RAY_ADDRESS names them. Returns ray.cluster_utils.Cluster."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"include_dashboard": False})
    for _ in range(nodes - 1):
        cluster.add_node()
    os.environ["RAY_ADDRESS"] = cluster.address
    return cluster


def processes(name: str) -> list[psutil.Process]:
    """Return what this process started, at any depth, of a name that begins so."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.name().startswith(name):
                found.append(process)
    return found
