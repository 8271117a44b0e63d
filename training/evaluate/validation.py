"""The val split while training goes on: the loss of fixed questions, and the metrics.

Nothing stops early by it: the curve is for people, and the step of the least loss is named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch

from training.data.batches import collate, stack
from training.data.instructions import fixed
from training.evaluate.evaluation import Evaluation, summary
from training.network.network import Network, learned_tokens

WATCHED = ("quality_srocc", "importance_srocc", "type_accuracy", "f1")


@dataclass(frozen=True)
class Validation:
    """Numbers of a network on the val split, the same questions each time."""

    evaluation: Evaluation

    def __call__(self, network: Network) -> dict[str, float]:
        """`val_loss`, a mean over learned tokens, and `val_` metrics."""
        numbers = summary(self.evaluation.answers(), self.evaluation.card)
        return {
            "val_loss": self.loss(network),
            **{f"val_{name}": numbers[name] for name in WATCHED},
        }

    @torch.no_grad()
    def loss(self, network: Network) -> float:
        """Cross-entropy of one of each ROI's six fixed questions, in turn."""
        device = str(next(network.parameters()).device)
        network.eval()
        total, tokens, asked = 0.0, 0, self.evaluation.questions()
        for n, image in enumerate(islice(asked, self.evaluation.questioned)):
            lessons = [
                fixed(t, self.evaluation.seed)[(n + k) % 6] for k, t in enumerate(image.truths)
            ]
            batch = collate(
                stack([image.arrays]),
                image.truths,
                [network.sequencer.sequence(i.question, i.answer) for i in lessons],
                self.evaluation.card.tops,
                network.sequencer.tokenizer.eos_token_id,
            ).to(device)
            count = learned_tokens(batch)
            total, tokens = total + float(network.loss(batch, 0.0)) * count, tokens + count
        return total / max(tokens, 1)


def best(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The step of the least `val_loss`, and it; empty where nothing was validated."""
    if not rows:
        return {}
    least = min(rows, key=lambda row: row["val_loss"])
    return {"val_best_step": float(least["step"]), "val_best_loss": least["val_loss"]}
