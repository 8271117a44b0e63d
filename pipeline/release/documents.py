"""Dataset card and datasheet: templates beside this file, filled with what was counted."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
import yaml

from manifests.config import Config
from manifests.keys import LEVELS
from manifests.words import IMPORTANCE_WORDS, QUALITY_WORDS
from pipeline.release.facts import Facts
from pipeline.release.naming import release_name
from pipeline.release.study_part import Study

# As the Hub names licences: https://huggingface.co/docs/hub/repositories-licenses
_HUB_LICENCES = (
    "apache-2.0", "mit", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-nc-nd-4.0", "cc-by-3.0", "odc-by", "odbl", "pddl",
)  # fmt: skip


@dataclass(frozen=True)
class About:
    """What the documents tell of."""

    config: Config
    facts: Facts
    card: Mapping[str, Any]  # shards/dataset.json
    environment: Mapping[str, Any]
    failures: int
    recipe: bool
    study: Study | None = None

    @property
    def name(self) -> str:
        """The release's."""
        return release_name(self.config, self.recipe)


def dataset_card(
    about: About,
    splits: Sequence[str],
    tables: Mapping[str, Sequence[str]],
    features: Sequence[Mapping[str, Any]],
) -> str:
    """README.md.

    Args:
        about: what it tells of.
        splits: of the shards.
        tables: the splits of each table's files.
        features: of a sample, for the Hub's loader; empty for a recipe.
    """
    facts = about.facts
    return _fill(
        "card.md",
        about,
        front_matter=yaml.safe_dump(
            _front_matter(about, splits, tables, features), sort_keys=False
        ),
        factory=f"seagull-factory {version('seagull-factory')}",
        fingerprint=about.config.fingerprint,
        counts=_counts(about),
        cameras=facts.cameras.most_common(8),
        quality=[_quality_row(facts, name) for name in facts.distortions],
        quality_words=_shares(facts.quality_words, QUALITY_WORDS),
        importance_words=_shares(facts.importance_words, IMPORTANCE_WORDS),
        roi_sources=facts.roi_sources.most_common(),
        path=about.name,
    )


def datasheet(about: About) -> str:
    """DATASHEET.md."""
    rows = [_settings_row(about.facts, name) for name in about.facts.distortions]
    return _fill("datasheet.md", about, settings=rows)


def _fill(template: str, about: About, **values: Any) -> str:
    source = Path(__file__).with_name(template).read_text(encoding="utf-8")
    environment = jinja2.Environment(
        trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(source).render(
        release=about.config.release, **(vars(about) | values)
    )


def _front_matter(
    about: About,
    splits: Sequence[str],
    tables: Mapping[str, Sequence[str]],
    features: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    release = about.config.release
    governing = release.labels_licence if about.recipe else release.pixels_licence
    licence: dict[str, Any] = {"license": governing.lower()}
    if governing.lower() not in _HUB_LICENCES:
        licence = {"license": "other", "license_name": governing}
    return {
        "pretty_name": f"{release.name} {release.version}",
        **licence,
        "task_categories": ["image-to-text", "other"],
        "tags": ["image-quality-assessment", "region-of-interest", "raw", "croissant"],
        "size_categories": [_size_category(about.facts.renderings)],
        **(_samples(splits, features) if features else _tables(about.name, tables)),
    }


def _samples(splits: Sequence[str], features: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The loader knows one format a repository: a release with pixels declares its shards."""
    shards = [{"split": s, "path": f"shards/{s}/*.tar"} for s in splits]
    return {
        "configs": [{"config_name": "samples", "default": True, "data_files": shards}],
        "dataset_info": {"config_name": "samples", "features": list(features)},
    }


def _tables(stem: str, tables: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    configs = [
        {
            "config_name": name,
            "data_files": [
                {"split": s, "path": f"tables/{name}/{stem}-{s}-*.parquet"} for s in present
            ],
        }
        for name, present in tables.items()
    ]
    return {"configs": configs}


def _size_category(renderings: int) -> str:
    edges = [(10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M")]
    return next((name for edge, name in edges if renderings < edge), "1M<n<10M")


def _counts(about: About) -> list[tuple[str, str]]:
    facts = about.facts
    splits = ", ".join(f"{count:,} {name}" for name, count in sorted(facts.splits.items()))
    edges = ", ".join(f"{edge} px" for edge, _ in facts.long_edges.most_common(3))
    gigabytes = facts.image_bytes / 1e9
    return [
        ("scenes", f"{facts.scenes:,} ({splits})"),
        (
            "renderings",
            f"{facts.renderings:,}, {gigabytes:.3g} GB, long edge {edges}",
        ),
        ("ROIs", ", ".join(f"{n:,} {kind}s" for kind, n in sorted(facts.rois.items()))),
        ("labels", f"{facts.labels:,}"),
        ("scenes that failed", f"{about.failures:,}"),
    ]


def _quality_row(facts: Facts, name: str) -> tuple[str, list[str], str]:
    means = [facts.mean_quality(name, level) for level in (1, 5, 10, 15, 20)]
    cells = ["-" if math.isnan(mean) else f"{mean:.3f}" for mean in means]
    labels = facts.labels_of[name]
    return name, cells, f"{facts.without[name] / labels:.1%}" if labels else "-"


def _settings_row(facts: Facts, name: str) -> list[str]:
    found = [facts.settings.get((name, level), ("-", "")) for level in (1, 10, LEVELS)]
    return [name, found[0][1], *(parameter for parameter, _ in found)]


def _shares(counts: Counter[str], words: Sequence[str]) -> list[tuple[str, str]]:
    total = counts.total() or 1
    return [(word, f"{counts[word] / total:.1%}") for word in words]
