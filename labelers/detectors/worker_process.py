"""The other end of worker.py: SEEM or detectron2 in the user's interpreter, JSON lines in and out.

Run by path with one argument, the options as JSON; it imports nothing of ours. Python 3.8 or later,
numpy, Pillow, torch and the model's own requirements. Standard output belongs to the protocol: what
the libraries print goes to standard error.
"""

# mypy: ignore-errors
# ruff: noqa: B905 - zip's strict came with Python 3.10

import base64
import json
import os
import sys
import threading
import time
import types
from pathlib import Path

import numpy as np

LEAST_SHARE = 0.98  # of the tensors that must match, or the checkpoint is another model's
CLIP_WORDS = 49408


def main():
    """Load the model, say so, then answer requests until standard input ends."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    options = json.loads(sys.argv[1])
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    try:
        detect = {"seem": seem, "detectron2": detectron2}[options["name"]](options)
    except Exception as error:  # whatever a foreign checkout raises, told in one line
        say(out, {"error": one_line(error)})
        raise
    say(out, {"ready": options["name"]})
    for line in sys.stdin:
        request = json.loads(line)
        shape = (request["height"], request["width"], 3)
        try:
            image = np.frombuffer(base64.b64decode(request["rgb"]), np.uint8).reshape(shape)
            answer = {"objects": detect(image)}
        except Exception as error:
            answer = {"error": one_line(error)}
        say(out, {"id": request["id"], **answer})


def end_with(parent):
    """End this process when its parent is gone: loading takes minutes and reads no input."""
    while os.getppid() == parent:
        time.sleep(2)
    os._exit(1)


def say(out, message):
    """Write one line."""
    out.write(json.dumps(message) + "\n")
    out.flush()


def one_line(error):
    """Put an exception in words."""
    return type(error).__name__ + ": " + " ".join(str(error).split())[:300]


def found(box, name, score=None):
    """One object; box in xyxy pixels of the request's image."""
    return {
        "box": [float(v) for v in box],
        "class_name": name,
        "score": None if score is None else float(score),
    }


def check_share(own, state):
    """Refuse a checkpoint (name -> tensor) that is not of the model with the tensors `own`."""
    matched = sum(k in state and tuple(state[k].shape) == tuple(v.shape) for k, v in own.items())
    if matched < LEAST_SHARE * len(own):
        share = matched / max(len(own), 1)
        raise ValueError(f"{share:.1%} of the model's tensors match: another model's checkpoint")


# ----------------------------------------------------------------------------- SEEM, branch v1.0


def seem(options):
    """Build SEEM from its checkout; returns image (HxWx3 uint8 RGB) -> objects."""
    import torch

    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    sys.path.insert(0, options["repo"])
    if options["device"] == "cpu":
        torch.cuda.current_device = lambda: torch.device("cpu")
        torch.Tensor.cuda = lambda self, *_, **__: self
    stand_aside()
    from detectron2.data import MetadataCatalog
    from modeling import build_model
    from modeling.BaseModel import BaseModel
    from utils.arguments import load_opt_from_config_files
    from utils.constants import COCO_PANOPTIC_CLASSES

    opt = load_opt_from_config_files([options["config"]])
    opt["device"] = torch.device(options["device"])
    base = BaseModel(opt, build_model(opt))
    state = torch.load(options["weights"], map_location="cpu", weights_only=True)
    check_share(base.model.state_dict(), state)
    model = base.from_pretrained(options["weights"]).eval().to(opt["device"]).model
    model.metadata = MetadataCatalog.get("coco_2017_train_panoptic")
    model.sem_seg_head.num_classes = len(COCO_PANOPTIC_CLASSES)
    model.task_switch.update(spatial=False, visual=False, grounding=False, audio=False)
    model.object_mask_threshold = float(options.get("threshold", 0.4))
    instances = options.get("output", "panoptic") == "instances"
    model.semantic_on, model.panoptic_on, model.instance_on = False, not instances, instances
    name_classes(model.sem_seg_head.predictor.lang_encoder, COCO_PANOPTIC_CLASSES, options)
    short_side = int(options.get("short_side", 512))
    return lambda image: seem_objects(model, image, short_side, COCO_PANOPTIC_CLASSES)


def stand_aside():
    """SEEM imports mpi4py for clusters and lets nltk download a tagger: neither is needed."""
    try:
        import mpi4py  # noqa: F401
    except ImportError:
        mpi = types.ModuleType("mpi4py")
        mpi.MPI = types.SimpleNamespace(COMM_WORLD=None)
        sys.modules["mpi4py"] = mpi
    import nltk

    nltk.download = lambda *_, **__: False


def name_classes(language, names, options):
    """Give SEEM its table of class names: minutes on a CPU, so it is kept beside the weights."""
    import torch

    file = Path(options.get("text_table") or options["weights"] + ".names.pt")
    if file.exists():
        kept = torch.load(file, map_location=options["device"], weights_only=True)
        if kept.get("digest") == options["digest"]:
            language.default_text_embeddings = kept["table"]
            return
    words = len(language.tokenizer)
    if words != CLIP_WORDS:
        raise ValueError(
            f"CLIP's tokenizer has {words} words, not {CLIP_WORDS}: its files are missing"
        )
    with torch.no_grad():
        language.get_text_embeddings([*names, "background"], is_eval=True)
    table = {"digest": options["digest"], "table": language.default_text_embeddings.cpu()}
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    torch.save(table, temporary)
    temporary.replace(file)


def seem_objects(model, image, short_side, names):
    """Things of the panoptic map, or the 100 instances, with boxes from their masks."""
    import torch
    from PIL import Image

    height, width = image.shape[:2]
    scale = short_side / min(height, width)
    size = (round(width * scale), round(height * scale))
    small = np.asarray(Image.fromarray(image).resize(size, Image.BICUBIC))
    planes = torch.from_numpy(small.copy()).permute(2, 0, 1)
    # The network's own size: asked for the image's, all its masks would be enlarged first.
    request = {"image": planes, "height": size[1], "width": size[0]}
    with torch.no_grad():
        answer = model.evaluate([request])[-1]
    enlarge = np.array([width / size[0], height / size[1]] * 2)
    objects = []
    for mask, label, score in seem_masks(answer):
        rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if len(rows):
            box = np.array([cols[0], rows[0], cols[-1] + 1, rows[-1] + 1], float)
            objects.append(found(box * enlarge, names[label], score))
    return objects


def seem_masks(answer):
    """(mask, class, score or None) of SEEM's answer."""
    if "instances" in answer:
        kept = answer["instances"].to("cpu")
        masks = (kept.pred_masks > 0).numpy()
        yield from zip(masks, kept.pred_classes.tolist(), kept.scores.tolist())
    else:
        ids, segments = answer["panoptic_seg"]
        for segment in segments:
            if segment["isthing"]:
                yield ids.cpu().numpy() == segment["id"], segment["category_id"], None


# ---------------------------------------------------------------------------------- detectron2


def detectron2(options):
    """Build a detectron2 model; returns image (HxWx3 uint8 RGB) -> objects."""
    if options.get("repo"):
        sys.path.insert(0, options["repo"])
    from detectron2.checkpoint import DetectionCheckpointer
    from detectron2.config import get_cfg
    from detectron2.data import MetadataCatalog
    from detectron2.engine import DefaultPredictor

    cfg = get_cfg()
    cfg.merge_from_file(options["config"])
    threshold = float(options.get("threshold", 0.5))
    cfg.MODEL.ROI_HEADS.SCORE_THRESH_TEST = cfg.MODEL.RETINANET.SCORE_THRESH_TEST = threshold
    cfg.MODEL.DEVICE, cfg.MODEL.WEIGHTS = options["device"], ""
    predictor = DefaultPredictor(cfg)
    unmatched = []
    checkpointer = DetectionCheckpointer(predictor.model)
    checkpointer._log_incompatible_keys = lambda keys: unmatched.extend(
        [*keys.missing_keys, *(k for k, *_ in keys.incorrect_shapes)]
    )
    checkpointer.load(options["weights"])
    own = predictor.model.state_dict()
    check_share(own, {k: v for k, v in own.items() if k not in unmatched})
    names = MetadataCatalog.get(cfg.DATASETS.TEST[0]).get("thing_classes", None)
    return lambda image: detectron2_objects(predictor, image, names)


def detectron2_objects(predictor, image, names):
    """Boxes with scores; detectron2 takes BGR."""
    kept = predictor(image[..., ::-1])["instances"].to("cpu")
    rows = zip(kept.pred_boxes.tensor.tolist(), kept.pred_classes.tolist(), kept.scores.tolist())
    return [found(box, names[k] if names else f"class {k}", score) for box, k, score in rows]


if __name__ == "__main__":
    main()
