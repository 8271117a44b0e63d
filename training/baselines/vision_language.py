"""Vision-language models of transformers by folder, the region shown by its bounding rectangle.

LLaVA-1.5, Qwen2-VL and its successors, and whatever AutoModelForImageTextToText loads. The box is
drawn into the image, or given in words. Scores are Q-Align's closed sets, verdicts the likelier of
Yes and No, distortions the greedy answer. Models come as they were trained: zero-shot.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import torch
from torch import Tensor

from manifests.errors import SeagullError
from manifests.keys import DISTORTIONS
from manifests.words import SEVERITY_WORDS, expected_grade
from training.baselines.protocol import Image, Mask, Said, box
from training.data import texts
from training.data.instructions import Instruction

RED = (255, 0, 0)
_INSIDE: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
_OWN_CODE = "transformers has no classes for it, and code that comes with weights is not run"
_WITHOUT_CLASSES = {  # model_type of the paper's other rows
    "mplug_owl2": f"mPLUG-Owl2, Q-Align and Q-Instruct on it: {_OWN_CODE}",
    "llava_llama": "LLaVA's own layout: take its conversion for transformers (llava-1.5-7b-hf)",
    "osprey": "Osprey: its tokens of a region are its own (a mask's pooled features and its place, "
    f"an MLP of the mask), which no extractor here makes, and {_OWN_CODE}",
}
DRAWN = "The red rectangle marks a region of the image. "
ASKED = (  # the form of an answer, which no other model was taught
    f" Answer in the form 'With <severity> <type> and <severity> <type> distortions.', with types "
    f"among {', '.join(DISTORTIONS)} and severities among {', '.join(SEVERITY_WORDS)}, or "
    f"'{texts.WITHOUT_DISTORTIONS}'"
)


@dataclass
class VisionLanguage:
    """One model and its processor."""

    name: str
    model: Any
    processor: Any
    boxes: str = "drawn"  # or words
    zero_shot: bool = True

    def say(self, image: Image, mask: Mask, judgments: tuple[Instruction, ...]) -> Said:
        """Answer about the region `mask` of `image`."""
        shown, about = self._shown(image, mask)
        scores = [
            expected_grade(self._choice(shown, about + question, lead, words))
            for question, lead, words in texts.CLOSED_SETS.values()
        ]
        verdicts = [
            self._choice(shown, about + j.question, "", (texts.YES, texts.NO)) for j in judgments
        ]
        yes = tuple(p[0] > p[1] for p in verdicts)
        judged = (yes[0], yes[1], yes[2]) if len(yes) == 3 else None
        text = self._generated(shown, about + texts.DISTORTION_QUESTION + ASKED)
        return Said(scores[0], scores[1], text or " ", judged)

    def _shown(self, image: Image, mask: Mask) -> tuple[Image, str]:
        left, top, right, bottom = box(mask)
        if self.boxes == "words":
            height, width = mask.shape
            share = [left / width, top / height, right / width, bottom / height]
            corners = ", ".join(f"{value:.2f}" for value in share)
            return image, f"The region is the rectangle [{corners}] of the image. "
        drawn = image.copy()
        cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), RED, 2)
        return drawn, DRAWN

    def _prompt(self, question: str) -> str:
        if getattr(self.processor, "chat_template", None):
            content = [{"type": "image"}, {"type": "text", "text": question}]
            prompt: str = self.processor.apply_chat_template(
                [{"role": "user", "content": content}], add_generation_prompt=True
            )
            return prompt
        return f"USER: <image>\n{question} ASSISTANT:"

    def _inputs(self, image: Image, text: str) -> Any:
        inputs = self.processor(text=[text], images=[image], return_tensors="pt")
        return inputs.to(self.model.device)

    @torch.no_grad()
    def _choice(
        self, image: Image, question: str, lead: str, words: tuple[str, ...]
    ) -> list[float]:
        """Probabilities of the words that may follow `lead` in the answer; they sum to 1."""
        prompt = self._prompt(question)
        gap = "" if prompt[-1].isspace() else " "  # a chat template ends with its own line end
        start, between = (f"{prompt}{gap}{lead}", " ") if lead else (prompt, gap)
        before = self._inputs(image, start)["input_ids"].shape[1]
        logs = []
        for word in words:
            inputs = self._inputs(image, f"{start}{between}{word}")
            ids: Tensor = inputs["input_ids"][0]
            following = self.model(**inputs).logits[0].float().log_softmax(-1)
            places = torch.arange(before, len(ids))
            logs.append(following[places - 1, ids[places]].sum())
        probabilities: list[float] = torch.stack(logs).softmax(0).tolist()
        return probabilities

    @torch.no_grad()
    def _generated(self, image: Image, question: str) -> str:
        inputs = self._inputs(image, self._prompt(question))
        written = self.model.generate(**inputs, max_new_tokens=48, do_sample=False)
        ids = written[0, inputs["input_ids"].shape[1] :]
        text: str = self.processor.tokenizer.decode(ids, skip_special_tokens=True)
        return text.strip()


def open_vision_language(folder: Path, boxes: str = "drawn", device: str = "cpu") -> VisionLanguage:
    """Load the model that `save_pretrained` left in `folder`; SeagullError where there is none."""
    from transformers import AutoModelForImageTextToText, AutoProcessor

    _check_known(folder)
    if not folder.is_dir():
        raise SeagullError(f"{folder} is no folder of a vision-language model of transformers")
    try:
        processor = AutoProcessor.from_pretrained(folder, **_INSIDE)
        model = AutoModelForImageTextToText.from_pretrained(folder, **_INSIDE, dtype=_dtype(device))
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).splitlines()[0][:160]
        raise SeagullError(f"{folder} holds no model that transformers loads: {reason}") from error
    return VisionLanguage(folder.name, model.eval().to(device), processor, boxes)


def _check_known(folder: Path) -> None:
    """Refuse the paper's models that transformers has no classes for, with the reason."""
    try:
        kind = str(json.loads((folder / "config.json").read_text()).get("model_type")).lower()
    except (OSError, ValueError, AttributeError):
        return
    if kind in _WITHOUT_CLASSES:
        raise SeagullError(f"{folder} is of type '{kind}': {_WITHOUT_CLASSES[kind]}")


def _dtype(device: str) -> torch.dtype:
    return torch.float32 if device == "cpu" else torch.bfloat16
