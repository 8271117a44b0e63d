"""Published checkpoints: which there are, and where.

A table, and nothing that reaches for the network: `where` tells people what to fetch and where to
put it. What is done with the files is weights.py's.
"""

from dataclasses import dataclass

_SAM = "https://dl.fbaipublicfiles.com/segment_anything/"
_PYIQA = "https://huggingface.co/chaofengc/IQA-PyTorch-Weights/resolve/main/"
_SEEM = "https://huggingface.co/xdecoder/SEEM/resolve/main/"


@dataclass(frozen=True)
class Checkpoint:
    """A published file. `sha256` may be a prefix, or empty where the publisher tells none."""

    name: str  # as the configuration names the model
    setting: str  # the key of the configuration that takes the path
    file: str
    url: str
    publisher: str
    licence: str
    sha256: str
    bytes: int | None

    @property
    def where(self) -> str:
        """What to do when it is missing."""
        return f"download {self.url} and set {self.setting} to its path"


def known() -> tuple[Checkpoint, ...]:
    """List the checkpoints that the paper's way needs, and their smaller sisters."""
    sam = [
        (
            "vit_b",
            "01ec64",
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
            375042383,
        ),
        (
            "vit_l",
            "0b3195",
            "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
            1249524607,
        ),
        (
            "vit_h",
            "4b8939",
            "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
            2564550879,
        ),
    ]
    return (
        *(_sam(size, code, sha256, length) for size, code, sha256, length in sam),
        Checkpoint(
            "topiq_fr",
            "labels.weights",
            "cfanet_fr_kadid_res50-2c4cc61d.pth",
            f"{_PYIQA}cfanet_fr_kadid_res50-2c4cc61d.pth",
            "IQA-PyTorch",
            "PolyForm-Noncommercial / NTU S-Lab 1.0",
            "2c4cc61d",  # torch hub's convention: the file name ends in the first digits
            None,
        ),
        *(_seem(file) for file in ("seem_focalt_v1.pt", "seem_focall_v1.pt")),
    )


def _sam(size: str, code: str, sha256: str, length: int) -> Checkpoint:
    file = f"sam_{size}_{code}.pth"
    return Checkpoint(
        f"sam:{size}",
        "masks.segmenter_weights",
        file,
        _SAM + file,
        "Meta",
        "Apache-2.0",
        sha256,
        length,
    )


def _seem(file: str) -> Checkpoint:
    return Checkpoint(
        "seem", "masks.detector_weights", file, _SEEM + file, "xdecoder", "Apache-2.0", "", None
    )
