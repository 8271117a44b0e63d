"""pyiqa's metrics, made without what making them does to others, and without the network.

With its first metric pyiqa 0.1.16 imports all its architectures, Q-Align among them, which replaces
classes and methods of transformers' Llama by its own for an older transformers; every Llama made
afterwards in the process would fail.
"""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Any


def create_metric(name: str, **options: Any) -> Any:
    """`pyiqa.create_metric`; transformers' Llama stays as it was."""
    with _llama_kept():
        import pyiqa

        return pyiqa.create_metric(name, **options)


def blank_metric(name: str, device: str) -> Any:
    """Build a learned metric whose weights are still to come: nothing is fetched or loaded."""
    create_metric("psnr", device="cpu")  # imports the architectures
    with _nothing_fetched():
        return create_metric(name, device=device)


class _Nothing(dict[Any, Any]):
    """A checkpoint without content, at any depth."""

    def __missing__(self, key: Any) -> "_Nothing":
        return _Nothing()


@contextmanager
def _nothing_fetched() -> Iterator[None]:
    from unittest.mock import patch

    import torch
    from torchvision.models import WeightsEnum

    nothing = lambda *_, **__: _Nothing()  # noqa: E731
    # Looked up in the namespace: asking a lazy module for an attribute makes it import things.
    namespaces = [(m, getattr(m, "__dict__", {})) for m in list(sys.modules.values())]
    fetching = [m for m, names in namespaces if "load_file_from_url" in names]
    with ExitStack() as stack:
        for module in fetching:
            stack.enter_context(patch.object(module, "load_file_from_url", lambda *_, **__: ""))
        stack.enter_context(patch.object(WeightsEnum, "get_state_dict", nothing))
        stack.enter_context(patch.object(torch.hub, "load_state_dict_from_url", nothing))
        stack.enter_context(patch.object(torch, "load", nothing))
        stack.enter_context(patch.object(torch.nn.Module, "load_state_dict", nothing))
        stack.enter_context(redirect_stdout(None))  # pyiqa says what it believes to have loaded
        yield


@contextmanager
def _llama_kept() -> Iterator[None]:
    from transformers.models.llama import configuration_llama as configuration
    from transformers.models.llama import modeling_llama as modeling

    owners: list[Any] = [configuration, modeling, modeling.LlamaModel, modeling.LlamaForCausalLM]
    before = [dict(vars(owner)) for owner in owners]
    try:
        yield
    finally:
        for owner, old in zip(owners, before, strict=True):
            for name, value in old.items():
                if vars(owner).get(name) is not value:
                    setattr(owner, name, value)
