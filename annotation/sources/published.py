"""One photograph with what its publisher says of it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Published:
    """A photograph of a source; `file` is relative to the source's folder, with forward slashes."""

    source: str  # livec | bid | spaq | koniq | folder
    path: Path
    file: str
    mos: float | None
    mos_top: float | None

    @property
    def key(self) -> str:
        """Its name over all sources."""
        return f"{self.source}/{self.file}"
