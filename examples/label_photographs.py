"""Label your own photographs pair by pair, without RAW files and without a workspace.

    python examples/label_photographs.py reference.jpg distorted.jpg [distorted2.jpg ...]

For every ROI of the reference: what quality it has left, and how much it matters to the whole.
"""

import sys
from pathlib import Path

import labelers
from manifests.images import fitted, read_image

LONG_EDGE = 512


def main() -> None:
    """Find the reference's ROIs and score each of them in every other photograph."""
    reference, *others = (fitted(read_image(Path(p)), LONG_EDGE) for p in sys.argv[1:])
    rois = labelers.find_rois(reference)
    print("photograph\troi\tarea\tquality\timportance\tdistorted")
    for path, image in zip(sys.argv[2:], others, strict=True):
        for roi in rois:
            said = labelers.score(image, reference, roi)
            name = roi.roi_id.rpartition("_")[2]
            print(
                f"{path}\t{name}\t{roi.area}\t{said.quality:.3f}\t{said.importance:.3f}"
                f"\t{'no' if said.without else 'yes'}"
            )


if __name__ == "__main__":
    main()
