"""Baselines of the same classes as the published ones, tiny and random."""

import json

import numpy as np
import pytest
import torch

from labelers.loading.iqa import blank_metric
from labelers.scorers.no_reference import blank_no_reference
from manifests.config import Config
from manifests.errors import SeagullError
from manifests.workspace import Workspace
from training.baselines import asking
from training.baselines.crop_metrics import LEAST, crop_of, open_crop_metric
from training.baselines.protocol import box
from training.baselines.vision_language import open_vision_language
from training.data import texts
from training.data.shard_reader import read_card
from training.evaluate.evaluation import Evaluation
from training.network.network import build

IMAGE = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
MASK = np.zeros((96, 128), np.uint8)
MASK[20:60, 30:90] = 1


@pytest.fixture(scope="module")
def cnniqa(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("metric") / "cnniqa.pth"
    torch.save(blank_metric("cnniqa", "cpu").net.state_dict(), path)
    return path


def test_a_crop_is_the_box_and_never_too_small():
    assert box(MASK) == (30, 20, 90, 60)
    crop = crop_of(IMAGE, MASK)
    assert crop.shape == (1, 3, 64, 96)  # 40 x 60, enlarged
    large = np.zeros((96, 128), np.uint8)
    large[5:90, 10:120] = 1
    wanted = torch.from_numpy(IMAGE[5:90, 10:120].transpose(2, 0, 1).copy())[None] / 255
    assert torch.equal(crop_of(IMAGE, large), wanted) and LEAST == 64


def test_a_metric_is_asked_and_fine_tuned(cnniqa):
    baseline = open_crop_metric("cnniqa", cnniqa, "importance")
    said = baseline.say(IMAGE, MASK, ())
    with torch.no_grad():
        assert said.importance == pytest.approx(float(baseline.metric.net(crop_of(IMAGE, MASK))))
    assert np.isnan(said.quality) and not said.distortions and baseline.zero_shot
    before = abs(said.importance - 0.9)
    baseline.fit([(IMAGE, MASK, 0.9)] * 30)
    assert abs(baseline.say(IMAGE, MASK, ()).importance - 0.9) < before
    assert not baseline.zero_shot


@pytest.mark.parametrize("name", ["dbcnn", "hyperiqa"])
def test_the_papers_metrics_are_opened_by_path_and_tuned(name, tmp_path):
    torch.manual_seed(0)
    made, path = blank_no_reference(name, "cpu").net.eval(), tmp_path / f"{name}.pth"
    torch.save(made.state_dict(), path)
    baseline = open_crop_metric(name, path, "quality")
    for net in (made, baseline.metric.net):
        net.num_crop = 1  # of hyperiqa: one crop costs a 25th
    with torch.no_grad():
        wanted = float(made(crop_of(IMAGE, MASK)))
    said = [baseline.say(IMAGE, MASK, ()).quality for _ in range(2)]
    assert said == [pytest.approx(wanted), said[0]]
    baseline.fit([(IMAGE, MASK, 0.9)] * 2)
    assert abs(baseline.say(IMAGE, MASK, ()).quality - 0.9) < abs(said[0] - 0.9)


def test_qualiclip_is_opened_by_its_published_file_and_tuned(tmp_path):
    """The formula of its paper over the features of its tower; both of tiny widths."""
    from pyiqa.archs.clip_model import CLIP

    torch.manual_seed(0)
    tower = CLIP(16, 64, (1, 1, 1, 1), 4, None, 8, 10, 64, 1, 1).float().eval()
    prompts = torch.nn.functional.normalize(torch.randn(14, 16), dim=1)
    state = {f"clip_model.{k}": v.half().float() for k, v in tower.state_dict().items()}
    tower.load_state_dict({k.removeprefix("clip_model."): v for k, v in state.items()})
    path = tmp_path / "QualiCLIP.pth"
    torch.save(state | {"prompts_features": prompts}, path)
    baseline = open_crop_metric("qualiclip", path, "quality")
    with torch.no_grad():
        mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])[None, :, None, None]
        std = torch.tensor([0.26862954, 0.26130258, 0.27577711])[None, :, None, None]
        features = tower.encode_image((crop_of(IMAGE, MASK) - mean) / std, False)[0]
        cosines = torch.nn.functional.normalize(features, dim=0) @ prompts.T
        pairs = (tower.logit_scale.exp() * cosines / 2).view(7, 2).softmax(1)
    said = baseline.say(IMAGE, MASK, ()).quality
    assert said == pytest.approx(float(pairs[:, 0].mean()), abs=1e-5)
    baseline.fit([(IMAGE, MASK, 0.9)] * 5)
    assert abs(baseline.say(IMAGE, MASK, ()).quality - 0.9) < abs(said - 0.9)
    torch.save({"other": torch.zeros(1)}, path)
    with pytest.raises(SeagullError, match="is not qualiclip's"):
        open_crop_metric("qualiclip", path, "quality")


def test_what_is_no_baseline_is_refused(tmp_path, cnniqa):
    with pytest.raises(SeagullError, match="is missing"):
        open_crop_metric("cnniqa", tmp_path / "none.pth", "quality")
    with pytest.raises(SeagullError, match="is not dbcnn"):
        open_crop_metric("dbcnn", cnniqa, "quality")
    with pytest.raises(SeagullError, match="compares with a reference"):
        open_crop_metric("lpips", cnniqa, "quality")
    with pytest.raises(SeagullError, match="no folder"):
        open_vision_language(tmp_path / "none")
    with pytest.raises(SeagullError, match="no model that transformers loads"):
        open_vision_language(tmp_path)


@pytest.mark.parametrize("kind", ["mplug_owl2", "llava_llama", "Osprey"])
def test_a_model_without_classes_is_refused_with_the_reason(kind, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(SeagullError, match=f"of type '{kind.lower()}'") as error:
        open_vision_language(tmp_path)
    assert "\n" not in str(error.value)


def test_code_that_comes_with_weights_is_not_run(tmp_path):
    given = {"AutoConfig": "own.Config", "AutoProcessor": "own.Processor"}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "own", "auto_map": given}))
    (tmp_path / "own.py").write_text("raise SystemExit('it was run')\n")
    with pytest.raises(SeagullError, match="no model that transformers loads"):
        open_vision_language(tmp_path)


def test_a_metrics_answers_are_those_of_the_networks_rois(
    workspace, cnniqa, small, tmp_path, monkeypatch
):
    study, config = Workspace(workspace.study), Config(network=small)
    said = asking.run(workspace, config, "cnniqa", cnniqa, "quality", tune=False)
    assert said["baseline"] == "cnniqa, quality (zero-shot)"
    rows = json.loads(
        (workspace.root / "tables" / "baselines" / f"{said['baseline']}.json").read_text()
    )
    network = build(small, 0)
    questions = Evaluation(study, read_card(study), network, small, config.seed, 1).questions()
    asked = [t.roi_id + t.rendering_id for q in questions for t in q.truths]
    assert [r["truth"]["roi_id"] + r["truth"]["rendering_id"] for r in rows["answers"]] == asked

    with monkeypatch.context() as patched:  # what was answered is not asked again
        patched.setattr(asking, "open_crop_metric", None)
        assert asking.run(workspace, config, "cnniqa", cnniqa, "quality", tune=False) == said
    other = tmp_path / "other.pth"  # but by other weights of the same name
    torch.manual_seed(1)
    torch.save(blank_metric("cnniqa", "cpu").net.state_dict(), other)
    asking.run(workspace, config, "cnniqa", other, "quality", tune=False)
    path = workspace.root / "tables" / "baselines" / f"{said['baseline']}.json"
    again = json.loads(path.read_text())["answers"]
    assert [r["quality"] for r in again] != [r["quality"] for r in rows["answers"]]


def words_of(*special):
    """A word-level tokenizer of all that is said, and `special`; its words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    spoken = " ".join([*texts.every_text(), "USER : ASSISTANT : the red rectangle marks a region"])
    words = ["<unk>", "<s>", "</s>", *special, *sorted(set(spoken.replace(".", " .").split()))]
    model = models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>")
    made = Tokenizer(model)
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        pad_token="</s>", additional_special_tokens=list(special),
    )  # fmt: skip
    return tokenizer, len(words)


TEXT = {
    "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "max_position_embeddings": 256, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2,
}  # fmt: skip


def write_llava(folder):
    """LLaVA-1.5's classes: a CLIP tower, a projector, a Llama."""
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    tokenizer, words = words_of("<image>")
    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        image_size=32, patch_size=16,
    )  # fmt: skip
    config = LlavaConfig(
        vision_config=vision, text_config=LlamaConfig(vocab_size=words, **TEXT),
        image_token_index=3, vision_feature_layer=-1,
    )  # fmt: skip
    LlavaForConditionalGeneration(config).save_pretrained(folder)
    images = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    LlavaProcessor(
        images, tokenizer, patch_size=16, vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    ).save_pretrained(folder)  # fmt: skip


CHAT = (  # as Qwen's, whose turns end with a line end
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{% for part in "
    "message['content'] %}{% if part['type'] == 'image' %}<|vision_start|><|image_pad|>"
    "<|vision_end|>{% else %}{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_qwen2_vl(folder):
    """Qwen2-VL's classes: a tower of any resolution, rotary positions of three axes, a Qwen2."""
    from transformers import (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLImageProcessor,
        Qwen2VLProcessor,
        Qwen2VLVideoProcessor,
    )

    special = ("<|image_pad|>", "<|video_pad|>", "<|vision_start|>", "<|vision_end|>")
    tokenizer, words = words_of(*special, "<|im_start|>", "<|im_end|>")
    rotary = {"type": "mrope", "rope_type": "default", "mrope_section": [1, 1, 2]}
    config = Qwen2VLConfig(
        text_config=TEXT | {
            "vocab_size": words, "num_key_value_heads": 2, "rope_scaling": rotary,
        },
        vision_config={"depth": 1, "embed_dim": 16, "hidden_size": 16, "num_heads": 2,
                       "mlp_ratio": 2, "patch_size": 14},
        image_token_id=3, video_token_id=4, vision_start_token_id=5, vision_end_token_id=6,
    )  # fmt: skip
    Qwen2VLForConditionalGeneration(config).save_pretrained(folder)
    few = {"min_pixels": 28 * 28, "max_pixels": 6 * 28 * 28}
    Qwen2VLProcessor(
        Qwen2VLImageProcessor(**few), tokenizer, Qwen2VLVideoProcessor(**few), chat_template=CHAT
    ).save_pretrained(folder)


@pytest.fixture(scope="module", params=[write_llava, write_qwen2_vl])
def vlm(request, tmp_path_factory):
    name = request.param.__name__.removeprefix("write_")
    folder = tmp_path_factory.mktemp("vlm") / f"{name}-tiny"
    torch.manual_seed(0)
    request.param(folder)
    return folder


def test_a_vision_language_model_answers(vlm, workspace, monkeypatch):
    monkeypatch.setattr(asking.regions, "__defaults__", (2,))
    said = asking.run(workspace, Config(), "vlm", vlm, "drawn", tune=False)
    assert said["baseline"] == f"{vlm.name}, drawn (zero-shot)" and int(said["ROIs"]) <= 3
    path = workspace.root / "tables" / "baselines" / f"{said['baseline']}.json"
    for row in json.loads(path.read_text())["answers"]:
        assert 0 <= row["quality"] <= 4 and 0 <= row["importance"] <= 4
        assert row["distortions"] and len(row["judged"]) == 3


def test_probabilities_of_words_are_a_forced_passes(vlm):
    model = open_vision_language(vlm, "words")
    question, lead, words = texts.CLOSED_SETS["quality"]
    found = model._choice(IMAGE, question, lead, words)
    logs = []
    for word in words:  # each word's one token, read behind the lead
        inputs = model._inputs(IMAGE, f"{model._prompt(question)} {lead}")
        with torch.no_grad():
            logits = model.model(**inputs).logits[0, -1]
        logs.append(logits[model.processor.tokenizer.convert_tokens_to_ids(word)])
    assert found == pytest.approx(torch.stack(logs).softmax(0).tolist(), abs=1e-5)


def test_the_box_is_seen_by_the_model_where_it_is_drawn(vlm):
    shown, about = open_vision_language(vlm, "drawn")._shown(IMAGE, MASK)
    assert (shown[20, 30:90] == (255, 0, 0)).all() and "red rectangle" in about
    shown, about = open_vision_language(vlm, "words")._shown(IMAGE, MASK)
    assert np.array_equal(shown, IMAGE) and "[0.23, 0.21, 0.70, 0.62]" in about
