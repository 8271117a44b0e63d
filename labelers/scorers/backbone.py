"""A convolutional backbone that recomputes only what a change of its input can reach.

The backbone is a chain of steps (stem, pooling, residual blocks), each a window operation with a
kernel, a stride and a padding. `trace` keeps the reference's input of every step; `changed` then
follows a rectangle of changed pixels through the chain: each step sees the rectangle's outputs'
whole receptive field, taken from the reference around it, so the result is exact.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Tensor = Any  # torch.Tensor; torch is imported where a model is loaded


@dataclass(frozen=True)
class Rect:
    """Rows top..bottom and columns left..right (far edges outside) of a feature map."""

    top: int
    bottom: int
    left: int
    right: int

    def of(self, features: Tensor) -> Tensor:
        """Cut this part out of `features`, NxCxHxW."""
        return features[..., self.top : self.bottom, self.left : self.right]

    def grown(self, by: int, height: int, width: int) -> "Rect":
        """`by` more on every side, inside height x width."""
        return Rect(
            max(0, self.top - by),
            min(height, self.bottom + by),
            max(0, self.left - by),
            min(width, self.right + by),
        )

    def within(self, outer: "Rect") -> "Rect":
        """Move the rectangle into the frame of `outer`."""
        return Rect(
            self.top - outer.top,
            self.bottom - outer.top,
            self.left - outer.left,
            self.right - outer.left,
        )


@dataclass(frozen=True)
class Step:
    """One window operation: output o sees the inputs o*stride - padding .. + kernel - 1."""

    run: Callable[[Tensor], Tensor]
    kernel: int
    stride: int
    padding: int
    is_feature: bool

    def reached(self, start: int, stop: int, size: int) -> tuple[int, int]:
        """Return the outputs (of `size` in all) that see an input in start..stop."""
        first = -((self.kernel - 1 - self.padding - start) // self.stride)
        last = (stop - 1 + self.padding) // self.stride
        return max(0, first), min(size, last + 1)

    def reached_rect(self, rect: Rect, height: int, width: int) -> Rect:
        """`reached` both ways, of an output of height x width."""
        rows = self.reached(rect.top, rect.bottom, height)
        return Rect(*rows, *self.reached(rect.left, rect.right, width))

    def seen(self, start: int, stop: int, size: int) -> tuple[int, int, int]:
        """Return the inputs (of `size` in all) to run on for the outputs start..stop.

        Returns their range, on the stride's grid, and the number of outputs to drop at the front,
        which the operation's own padding spoils.
        """
        lead = -(-self.padding // self.stride)
        first = max(0, start - lead)
        last = (stop - 1) * self.stride - self.padding + self.kernel
        return first * self.stride, min(size, last), start - first


def resnet_steps(network: Any) -> list[Step]:
    """List the steps of a timm ResNet with bottlenecks; features as `features_only` gives them."""
    steps = [
        Step(_then(network.conv1, network.bn1, network.act1), 7, 2, 3, True),
        Step(network.maxpool, 3, 2, 1, False),
    ]
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        for number, block in enumerate(stage):
            stride = block.conv2.stride[0]
            steps.append(Step(block, 3, stride, 1, number == len(stage) - 1))
    return steps


def _then(*modules: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    def run(x: Tensor) -> Tensor:
        for module in modules:
            x = module(x)
        return x

    return run


def trace(steps: Sequence[Step], image: Tensor) -> list[Tensor]:
    """Return the image and every step's output."""
    return [image, *passed(steps, image)]


def passed(steps: Sequence[Step], x: Tensor) -> Iterator[Tensor]:
    """Yield every step's output, and keep none."""
    for step in steps:
        x = step.run(x)
        yield x


def features(steps: Sequence[Step], outputs: Iterable[Tensor]) -> list[Tensor]:
    """Pick the features out of all steps' outputs."""
    return [output for step, output in zip(steps, outputs, strict=True) if step.is_feature]


def reached(steps: Sequence[Step], states: Sequence[Tensor], rect: Rect) -> list[Rect]:
    """Where each feature may differ after the image changed in `rect`."""
    rects = []
    for step, after in zip(steps, states[1:], strict=True):
        rect = step.reached_rect(rect, *after.shape[-2:])
        if step.is_feature:
            rects.append(rect)
    return rects


def changed(
    steps: Sequence[Step], states: Sequence[Tensor], rect: Rect, pixels: Tensor
) -> list[Tensor]:
    """Compute each feature where it may differ from the reference's (see `reached`).

    Args:
        steps: the chain.
        states: the reference's trace, 1xCxHxW each.
        rect: the changed rectangle of the image.
        pixels: what is there instead, NxCxhxw.
    """
    changes = []
    for step, before, after in zip(steps, states[:-1], states[1:], strict=True):
        rect, pixels = _advance(step, before, after.shape[-2:], rect, pixels)
        if step.is_feature:
            changes.append(pixels)
    return changes


def _advance(
    step: Step, before: Tensor, size: Sequence[int], rect: Rect, pixels: Tensor
) -> tuple[Rect, Tensor]:
    height, width = before.shape[-2:]
    target = step.reached_rect(rect, size[0], size[1])
    top, bottom, above = step.seen(target.top, target.bottom, height)
    left, right, beside = step.seen(target.left, target.right, width)
    window = Rect(top, bottom, left, right)
    # A step may skip the last rows or columns of its input: what changed there is seen by nobody.
    shown = Rect(rect.top, min(rect.bottom, bottom), rect.left, min(rect.right, right))
    after = step.run(substituted(before, window, rect, pixels, shown))
    rows, cols = target.bottom - target.top, target.right - target.left
    return target, Rect(above, above + rows, beside, beside + cols).of(after)


def substituted(
    reference: Tensor, window: Rect, rect: Rect, pixels: Tensor, shown: Rect | None = None
) -> Tensor:
    """Cut the `window` of `reference` (1xCxHxW) for N changes, with `pixels` at `rect`."""
    shown = shown or rect
    # The window may start inside the rectangle where a stride skips its first rows.
    part = Rect(max(shown.top, window.top), shown.bottom, max(shown.left, window.left), shown.right)
    whole = window.of(reference).expand(len(pixels), -1, -1, -1).clone()
    part.within(window).of(whole)[:] = part.within(rect).of(pixels)
    return whole
