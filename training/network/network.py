"""The SEAGULL network: encoder, mask-based feature extractor and a Llama (paper, section 4).

`look` turns images and ROIs into tokens of the LLM's width; the LLM runs over sequences whose
placeholders those tokens take. Auxiliary heads read types and scores from the ROI tokens: every ROI
of a batch is a lesson in all of them, while the LLM is asked one question about it. Where
`network.readings` says so, what they read is added to all tokens from the ROI's on: the LLM need
not learn where to look before it can learn what to say. Without both the compact network does not
learn in the time it has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manifests.config import NetworkConfig
from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS
from training.data import texts
from training.data.batches import Batch, Pixels
from training.data.tokens import IGNORED, SYSTEM, ReleasedSequencer, Sequencer
from training.network.encoder import Encoder
from training.network.extractor import CropView, GlobalView, LocalView
from training.network.language_model import COMPACT, adapted, base_of, open_llm
from training.network.released_extractor import ReleasedExtractor
from training.network.roi_dropout import RoiDropout, uniform

READERS = ("read_types", "read_scores", "read_degrees")  # the auxiliary heads


@dataclass(frozen=True)
class VisualTokens:
    """What the LLM gets of images; h is its hidden size."""

    image: Tensor  # (B, T, h)
    regions: Tensor  # (B, K, 2, h): the global and the local view token, or the one there is
    told: Tensor | None = None  # (B, K, h): what the heads read, for every token from the ROI's on

    def of(self, rows: Tensor) -> "VisualTokens":
        """The tokens of some sequences (indices into B * K), each as an image of one ROI."""
        k = self.regions.shape[1]
        told = None if self.told is None else self.told.flatten(0, 1)[rows][:, None]
        return VisualTokens(self.image[rows // k], self.regions.flatten(0, 1)[rows][:, None], told)


class Network(nn.Module):
    """Encoder, extractor, projectors, LLM and auxiliary heads."""

    def __init__(
        self, config: NetworkConfig, tokenizer: Any, llm: Any, distortions: Sequence[str]
    ) -> None:
        super().__init__()
        self.config = config
        self.distortions = tuple(distortions)
        self.encoder = Encoder(config.encoder, config.encoder_weights)
        sides = [config.view // stride for stride in self.encoder.strides]
        self.scale = config.image_tokens_from - 1
        self.sequencer = _sequencer(config, tokenizer, sides[self.scale] ** 2)
        channels, hidden = self.encoder.channels, base_of(llm).config.hidden_size
        self.project_image = _projector(config.projector, channels[self.scale], hidden)
        read = self._add_views(config, channels, sides, hidden)
        self.read_types = nn.Linear(read, len(distortions) + 1)  # the last: without distortions
        self.read_scores = nn.Linear(read, 2)
        self.read_degrees = nn.Linear(read, len(distortions))
        if config.readings:
            self.tell = _projector("mlp2x_gelu", 2 * len(distortions) + 3, hidden)
        self.llm = llm

    def _add_views(
        self, config: NetworkConfig, channels: list[int], sides: list[int], hidden: int
    ) -> int:
        """The modules of section 4.2 that are wanted; the width of what the heads read."""
        views = config.global_token + config.local_token
        if config.extractor == "released":
            self.released = ReleasedExtractor(channels, sides, config.patch, hidden, config.width)
            return views * hidden
        width, norm, dropout = config.width, config.sa_norm, config.roi_dropout
        self.drop_global, self.drop_local = RoiDropout(dropout / 4, 2), RoiDropout(dropout / 4, 3)
        if config.global_token:
            self.global_view = GlobalView(
                channels=channels,
                sides=sides,
                width=width,
                key_tokens=config.key_tokens,
                sa_over=config.sa_over,
                pooling=config.mask_pooling,
                norm=norm,
                gelu=config.fuse_gelu,
            )
        if config.local_token:
            native = config.local_view == "native"
            self.local_view = LocalView(width, dropout) if native else CropView(width, norm)
        if config.global_token:
            self.project_global = nn.Linear(width, hidden)
        if config.local_token:
            self.project_local = nn.Linear(width, hidden)
        return views * width

    def look(
        self, pixels: Pixels, scales: list[Tensor] | None = None
    ) -> tuple[VisualTokens, Tensor]:
        """The tokens for the LLM, and what the heads read: logits (B * K, 2 D + 3).

        These are of the D distortions, of none, of quality and importance, of D severities.

        `scales`: the encoder's maps of `pixels.views`, where they are known already.
        """
        scales = scales or self.encoder(pixels.views)
        image = self.project_image(scales[self.scale].flatten(2).transpose(1, 2))  # (B, T, h)
        released = self.config.extractor == "released"
        views = self._released_views if released else self._paper_views
        tokens, read = zip(*views(scales, pixels), strict=True)
        regions, seen = torch.stack(tokens, 2), torch.cat(read, -1)
        readings = torch.cat([getattr(self, head)(seen) for head in READERS], -1)
        told = None
        if self.config.readings:
            told = self.tell(readings.detach())  # the heads learn from labels alone
            regions = self._seen_or_not(regions, pixels.keys)
        return VisualTokens(image, regions, told), readings.flatten(0, 1)

    def _seen_or_not(self, regions: Tensor, keys: Tensor) -> Tensor:
        """(B, K, views, h): while training, nothing of a share of the ROIs but what the heads read.

        Otherwise the LLM answers by what it knows by heart of the training scenes.
        """
        if not self.training:
            return regions
        seen = uniform(keys.flatten(), 4, 1).view(*keys.shape, 1, 1)
        return regions * (seen >= self.config.readings_alone)

    def _paper_views(self, scales: list[Tensor], pixels: Pixels) -> list[tuple[Tensor, Tensor]]:
        """For each view, its token (B, K, h) and what the heads read of it (B, K, P)."""
        b, k = pixels.masks.shape[:2]
        pairs = []
        if self.config.global_token:
            whole = self.global_view(scales, pixels.masks)
            whole = self.drop_global(whole.flatten(0, 1), pixels.keys.flatten()).view(b, k, -1)
            pairs.append((self.project_global(whole), whole))
        if self.config.local_token:
            seen = (pixels.patches, pixels.inside, pixels.statistics, pixels.keys)
            detail = self.local_view(*(x.flatten(0, 1) for x in seen))
            detail = self.drop_local(detail, pixels.keys.flatten()).view(b, k, -1)
            pairs.append((self.project_local(detail), detail))
        return pairs

    def _released_views(self, scales: list[Tensor], pixels: Pixels) -> list[tuple[Tensor, Tensor]]:
        b, k = pixels.masks.shape[:2]
        made = []
        if self.config.global_token:
            made.append(self.released.global_token(scales, pixels.masks))
        if self.config.local_token:
            made.append(self.released.local_token(pixels.patches.flatten(0, 1)).view(b, k, -1))
        return [(token, token) for token in made]

    def embed(self, ids: Tensor, visual: VisualTokens, behind: bool = False) -> Tensor:
        """(N, L, h): embeddings of (N, L) ids, `visual` in the placeholders' places; N = B K.

        `behind`: the ids come behind the ROI's tokens.
        """
        first, k = self.sequencer.image_id, visual.regions.shape[1]
        embedded: Tensor = self.llm.get_input_embeddings()(ids.masked_fill(ids >= first, 0))
        given = [visual.image[:, None].expand(-1, k, -1, -1), *visual.regions.unbind(2)]
        for which, tokens in zip((0, *self.sequencer.views), given, strict=True):
            place = (ids == first + which)[..., None]
            embedded = embedded.masked_scatter(place, tokens.to(embedded.dtype))
        if visual.told is None:
            return embedded
        told = torch.ones_like(ids) if behind else ((ids > first).cumsum(1) > 0)
        return embedded + told[..., None] * visual.told.flatten(0, 1)[:, None].to(embedded.dtype)

    def token_logits(self, ids: Tensor, attention: Tensor, visual: VisualTokens) -> Tensor:
        """Logits (N, L, vocabulary) of (N, L) ids."""
        logits: Tensor = self.llm(
            inputs_embeds=self.embed(ids, visual), attention_mask=attention, use_cache=False
        ).logits
        return logits

    def forward(
        self, batch: Batch, auxiliary: float, tokens: int | None = None, rows: int | None = None
    ) -> Tensor:
        """Cross-entropy of the answers' tokens, plus `auxiliary` times that of the heads.

        Both are means over `tokens` and `rows`, which may be those of several batches together;
        None: this batch's own.
        """
        visual, readings = self.look(batch.pixels)
        spoken = self._spoken(batch, visual) / (tokens or learned_tokens(batch))
        if not auxiliary:
            return spoken
        without = 1 - batch.types.amax(1, keepdim=True)
        true = torch.cat([batch.types, without, batch.scores, batch.degrees], 1)
        known = ~true.isnan()
        each = F.binary_cross_entropy_with_logits(
            readings.float(), true.nan_to_num(), reduction="none"
        )
        heads = (each * known).sum()
        return spoken + auxiliary * heads / (rows or len(true))

    def loss(self, batch: Batch, auxiliary: float) -> Tensor:
        """`forward`, by the name of what it is."""
        loss: Tensor = self(batch, auxiliary)
        return loss

    def _spoken(self, batch: Batch, visual: VisualTokens) -> Tensor:
        """Summed cross-entropy of learned tokens; logits are made of their places alone."""
        base = base_of(self.llm)
        # Padding lies on the right: what is causal never sees it.
        states = getattr(base, base.base_model_prefix)(
            inputs_embeds=self.embed(batch.ids, visual), use_cache=False
        ).last_hidden_state
        labels, (row, column) = batch.labels.clone(), batch.word_at.unbind(1)
        labels[row, column] = IGNORED
        learned = labels[:, 1:] != IGNORED
        logits = base.lm_head(states[:, :-1][learned]).float()
        hard = F.cross_entropy(logits, labels[:, 1:][learned], reduction="sum")
        if not len(row):
            return hard
        words = base.lm_head(states[row, column - 1]).float().log_softmax(-1)
        return hard - (words.gather(1, batch.word_ids) * batch.word_shares).sum()


def learned_tokens(batch: Batch) -> int:
    """How many tokens of a batch are learned."""
    return int((batch.labels[:, 1:] != IGNORED).sum())


def build(config: NetworkConfig, seed: int, distortions: Sequence[str] = DISTORTIONS) -> Network:
    """Build a network, with new weights where no path is given; one seed, one network."""
    torch.manual_seed(seed)
    tokenizer, llm = open_llm(config, distortions)
    return Network(config, tokenizer, adapted(llm, config), distortions)


def _sequencer(config: NetworkConfig, tokenizer: Any, image_tokens: int) -> Sequencer:
    views = tuple(n for n, on in ((1, config.global_token), (2, config.local_token)) if on)
    if config.prompt == "released":
        if config.llm == COMPACT:
            raise SeagullError("network.prompt=released needs network.llm: its words are Vicuna's")
        tokenizer.add_tokens([texts.GLOBAL, texts.LOCAL], special_tokens=True)
        return ReleasedSequencer(tokenizer, image_tokens, views=views)
    system = "" if config.llm == COMPACT else SYSTEM
    return Sequencer(tokenizer, image_tokens, system, views)


def _projector(kind: str, channels: int, hidden: int) -> nn.Module:
    if kind == "linear":
        return nn.Linear(channels, hidden)
    return nn.Sequential(nn.Linear(channels, hidden), nn.GELU(), nn.Linear(hidden, hidden))


def without_gradients(network: Network, names: tuple[str, ...]) -> None:
    """Freeze modules that nothing reads, so that no process waits for their gradients."""
    for name in names:
        getattr(network, name).requires_grad_(False)
