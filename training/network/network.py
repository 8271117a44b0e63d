"""The SEAGULL network: encoder, mask-based feature extractor and a Llama (paper, section 4).

`see` turns images and ROIs into tokens of the LLM's width, `speak` runs a Llama over sequences
whose placeholders those tokens take. Auxiliary heads read the types and scores from the ROI tokens:
without them the compact network does not learn in the time it has. They are not asked later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from manifests.config import NetworkConfig
from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS
from training.data.batches import Batch, Pixels
from training.data.tokens import IGNORED, SYSTEM, Sequencer, compact_tokenizer, load_tokenizer
from training.network.encoder import Encoder
from training.network.extractor import GlobalView, LocalView

COMPACT = "compact"
HIDDEN, LAYERS = 128, 2  # of the compact Llama
LORA_DROPOUT = 0.05


@dataclass(frozen=True)
class VisualTokens:
    """What the LLM gets of images; h is its hidden size."""

    image: Tensor  # (B, T, h)
    regions: Tensor  # (B, K, 2, h): the global and the local view token

    def of(self, rows: Tensor) -> "VisualTokens":
        """Take the tokens of some sequences (indices into B * K), each as an image of one ROI."""
        k = self.regions.shape[1]
        return VisualTokens(self.image[rows // k], self.regions.flatten(0, 1)[rows][:, None])


class Network(nn.Module):
    """Encoder, extractor, projectors, LLM and auxiliary heads."""

    def __init__(
        self, config: NetworkConfig, tokenizer: Any, llm: Any, distortions: Sequence[str]
    ) -> None:
        super().__init__()
        self.distortions = tuple(distortions)
        self.encoder = Encoder(config.encoder, config.encoder_weights)
        sides = [config.view // stride for stride in self.encoder.strides]
        self.level = config.image_tokens_from - 1
        self.sequencer = Sequencer(
            tokenizer, sides[self.level] ** 2, SYSTEM if config.llm != COMPACT else ""
        )
        channels, hidden = self.encoder.channels, llm.config.hidden_size
        self.project_image = nn.Linear(channels[self.level], hidden)
        self.global_view = GlobalView(
            channels, sides, config.width, config.key_tokens, config.sa_over
        )
        self.local_view = LocalView(config.width)
        self.project_global = nn.Linear(config.width, hidden)
        self.project_local = nn.Linear(config.width, hidden)
        self.read_types = nn.Linear(2 * config.width, len(distortions))
        self.read_scores = nn.Linear(2 * config.width, 2)
        self.llm = llm

    def look(
        self, pixels: Pixels, levels: list[Tensor] | None = None
    ) -> tuple[VisualTokens, Tensor]:
        """Return the LLM's tokens, and the ROI tokens (B * K, 2 P) for the auxiliary heads.

        `levels`: the encoder's maps of `pixels.views`, where they are known already.
        """
        levels = levels or self.encoder(pixels.views)
        whole = self.global_view(levels, pixels.masks)  # (B, K, P)
        b, k, p = whole.shape
        detail = self.local_view(
            pixels.patches.flatten(0, 1), pixels.inside.flatten(0, 1), pixels.colour.flatten(0, 1)
        ).view(b, k, p)
        image = self.project_image(levels[self.level].flatten(2).transpose(1, 2))  # (B, T, h)
        regions = torch.stack([self.project_global(whole), self.project_local(detail)], 2)
        return VisualTokens(image, regions), torch.cat([whole, detail], -1).flatten(0, 1)

    def embed(self, ids: Tensor, seen: VisualTokens) -> Tensor:
        """(N, L, h): embeddings of (N, L) ids, `seen` in the placeholders' places; N = B K."""
        first = self.sequencer.image_id
        embedded: Tensor = self.llm.get_input_embeddings()(ids.masked_fill(ids >= first, 0))
        k = seen.regions.shape[1]
        image = seen.image[:, None].expand(-1, k, -1, -1)  # (B, K, T, h)
        for which, tokens in enumerate((image, seen.regions[:, :, 0], seen.regions[:, :, 1])):
            place = (ids == first + which)[..., None]
            embedded = embedded.masked_scatter(place, tokens.to(embedded.dtype))
        return embedded

    def token_logits(self, ids: Tensor, attention: Tensor, seen: VisualTokens) -> Tensor:
        """Logits (N, L, vocabulary) of (N, L) ids."""
        logits: Tensor = self.llm(
            inputs_embeds=self.embed(ids, seen), attention_mask=attention, use_cache=False
        ).logits
        return logits

    def loss(self, batch: Batch, auxiliary: float) -> Tensor:
        """Cross-entropy of the answers' tokens, plus `auxiliary` times that of the heads."""
        seen, regions = self.look(batch.pixels)
        logits = self.token_logits(batch.ids, batch.attention, seen)[:, :-1].flatten(0, 1).float()
        spoken = F.cross_entropy(logits, batch.labels[:, 1:].flatten(), ignore_index=IGNORED)
        if not auxiliary:
            return spoken
        read = torch.cat([self.read_types(regions), self.read_scores(regions)], 1).float()
        true = torch.cat([batch.types, batch.scores], 1)
        heads = F.binary_cross_entropy_with_logits(read, true, reduction="none").sum(1).mean()
        return spoken + auxiliary * heads


def build(config: NetworkConfig, seed: int, distortions: Sequence[str] = DISTORTIONS) -> Network:
    """Build a network, with new weights where no path is given; one seed, one network."""
    torch.manual_seed(seed)
    if config.llm == COMPACT:
        tokenizer = compact_tokenizer(distortions)
        llm = _compact_llm(len(tokenizer))
    else:
        folder = Path(config.llm)
        tokenizer, llm = load_tokenizer(folder), _load_llm(folder)
    return Network(config, tokenizer, _adapted(llm, config), distortions)


def _compact_llm(vocabulary: int) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=HIDDEN,
            intermediate_size=2 * HIDDEN,
            num_hidden_layers=LAYERS,
            num_attention_heads=4,
            max_position_embeddings=2048,
            bos_token_id=1,
            eos_token_id=2,
        )
    )


def _load_llm(folder: Path) -> Any:
    from transformers import AutoModelForCausalLM

    try:
        return AutoModelForCausalLM.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError) as error:
        raise SeagullError(
            f"network.llm: {folder} holds no language model in transformers' format; "
            "the paper's is Vicuna (huggingface.co/lmsys)"
        ) from error


def _adapted(llm: Any, config: NetworkConfig) -> Any:
    """`llm` with LoRA on every linear layer but lm_head, the rest frozen; rank 0: as it is."""
    if config.lora_rank == 0:
        return llm
    from peft import LoraConfig, get_peft_model

    lora = LoraConfig(
        r=config.lora_rank,
        lora_alpha=config.lora_alpha,
        lora_dropout=LORA_DROPOUT,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )
    return get_peft_model(llm, lora)
