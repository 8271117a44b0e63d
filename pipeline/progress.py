"""How far a long run is, its rate and the time left, on standard error."""

import sys

from tqdm import tqdm


def progress(total: int, what: str, unit: str) -> tqdm:
    """A tqdm bar; where standard error is no terminal, a line every ten seconds."""
    terminal = sys.stderr.isatty()
    return tqdm(
        total=total,
        desc=what,
        unit=f" {unit}",
        mininterval=0.5 if terminal else 10,
        dynamic_ncols=terminal,
        ncols=None if terminal else 110,
        smoothing=0.1,
    )
