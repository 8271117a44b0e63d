"""What one rater answered, as far as the checks ask."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Answers:
    """One rater's answers: whole categories, in the order given."""

    quality: NDArray[np.int64]  # of all rated ROIs
    severities: NDArray[np.int64]  # ROIs x distortions, 0 extreme .. 5 nonexistent
    seconds: NDArray[np.float64]  # an item took
    golden: tuple[bool, ...]  # of each golden item: was the answer what is known?
    repeats: NDArray[np.int64]  # pairs x 2: quality, first and second time
