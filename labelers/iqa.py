"""pyiqa's metrics, made without what making them does to others.

With its first metric pyiqa 0.1.16 imports all its architectures, Q-Align among them, which replaces
classes and methods of transformers' Llama by its own for an older transformers; every Llama made
afterwards in the process would fail.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def create_metric(name: str, **options: Any) -> Any:
    """`pyiqa.create_metric`; transformers' Llama stays as it was."""
    with _llama_kept():
        import pyiqa

        return pyiqa.create_metric(name, **options)


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
