"""Croissant 1.1 (mlcommons.org/croissant/1.1) with the RAI vocabulary: the release for machines.

A file object a file with its sha256, a file set and a record set a table, a field a column.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.release.documents import About
from pipeline.release.terms import licence_url

_PREFIXED = (
    "arrayShape", "citeAs", "column", "conformsTo", "containedIn", "equivalentProperty",
    "extract", "field", "fileProperty", "fileObject", "fileSet", "format", "includes",
    "isArray", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
    "references", "regex", "repeated", "replace", "samplingRate", "separator", "source",
    "subField", "transform",
)  # fmt: skip
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{name: f"cr:{name}" for name in _PREFIXED},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "dct": "http://purl.org/dc/terms/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "description": {"@container": "@language"},
    "name": {"@container": "@language"},
}
_FORMATS = {".tar": "application/x-tar", ".parquet": "application/x-parquet"}
_COLUMNS = {
    "scene_id": "one RAW file",
    "rendering_id": "one image of a scene",
    "roi_id": "a mask on the scene's reference",
    "rle": "COCO compressed run lengths of the mask",
    "quality": "score of the ROI in the rendering against the reference",
    "importance": "what the ROI's distortion costs the whole image",
    "distortion_label": "the distortion that shows in the ROI, or without",
    "level": "1 to 20 by severity, 0 for the reference",
    "params": "JSON from which, with the RAW file, the rendering can be made again",
    "sha256": "of the file",
}


def croissant(about: About, root: Path, files: Mapping[str, str], published: datetime) -> str:
    """The text of croissant.json; `files` maps paths under `root` to their sha256."""
    release = about.config.release
    tables = _tables(files)
    licence = release.labels_licence if about.recipe else release.pixels_licence
    metadata = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": release.name,
        "description": "Quality, importance and distortion of regions of interest in photographs"
        " developed from RAW files" + (", as a recipe without pixels." if about.recipe else "."),
        "version": release.version,
        "license": sorted({licence_url(licence), licence_url(release.labels_licence)}),
        "url": release.url or "https://github.com/chencn2020/Seagull",
        "datePublished": published.astimezone(UTC).date().isoformat(),
        "creator": [
            {"@type": "sc:Organization", "name": name} for name in release.authors or ("unnamed",)
        ],
        "citeAs": "Chen et al., SEAGULL: No-reference Image Quality Assessment for Regions of"
        " Interest via Vision-Language Instruction Tuning.",
        **_rai(about),
        "distribution": _distribution(files, tables),
        "recordSet": [_record_set(root, name, paths) for name, paths in tables.items()],
    }
    return json.dumps(metadata, indent=1, ensure_ascii=False) + "\n"


def _tables(files: Mapping[str, str]) -> dict[str, list[str]]:
    tables: dict[str, list[str]] = {}
    for path in sorted(files):
        if path.startswith("tables/"):
            tables.setdefault(path.split("/")[1], []).append(path)
    return tables


def _distribution(
    files: Mapping[str, str], tables: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    objects = [
        {
            "@type": "cr:FileObject",
            "@id": path,
            "name": path,
            "contentUrl": path,
            "encodingFormat": _FORMATS[Path(path).suffix],
            "sha256": sha256,
        }
        for path, sha256 in sorted(files.items())
        if Path(path).suffix in _FORMATS
    ]
    sets = [
        {
            "@type": "cr:FileSet",
            "@id": f"{name}-files",
            "name": f"{name}-files",
            "encodingFormat": _FORMATS[".parquet"],
            "includes": f"tables/{name}/*.parquet",
        }
        for name in tables
    ]
    return [*objects, *sets]


def _record_set(root: Path, name: str, paths: Sequence[str]) -> dict[str, Any]:
    schema = pq.read_schema(root / paths[0])
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "field": [_field(name, column) for column in schema if not _is_nested(column.type)],
    }


def _is_nested(kind: pa.DataType) -> bool:
    return bool(pa.types.is_struct(kind) or pa.types.is_map(kind))


def _field(table: str, column: pa.Field) -> dict[str, Any]:
    repeated = pa.types.is_list(column.type)
    described: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{table}/{column.name}",
        "name": f"{table}/{column.name}",
        "description": _COLUMNS.get(column.name, column.name.replace("_", " ")),
        "dataType": _data_type(column.type.value_type if repeated else column.type),
        "source": {
            "fileSet": {"@id": f"{table}-files"},
            "extract": {"column": column.name},
        },
    }
    if repeated:
        described |= {"isArray": True, "arrayShape": "-1"}
    return described


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return "cr:Int64"
    if pa.types.is_floating(kind):
        return "cr:Float64"
    return "sc:Boolean" if pa.types.is_boolean(kind) else "sc:Text"


def _rai(about: About) -> dict[str, Any]:
    card, facts, release = about.card, about.facts, about.config.release
    masks = sorted(facts.roi_sources)
    return {
        "rai:dataCollection": release.photographs or "RAW photographs; see the publisher.",
        "rai:dataCollectionType": ["Others"],
        "rai:dataCollectionMissingData": f"{about.failures} RAW files could not be developed or"
        " labelled; failures.json gives the reason of each.",
        "rai:dataCollectionRawData": f"{facts.scenes} camera RAW files, known by sha256.",
        "rai:dataPreprocessingProtocol": [
            "Each RAW file is developed to a reference and to six distortions at twenty levels;"
            " the parameters of each rendering are in the table renderings."
        ],
        "rai:dataAnnotationProtocol": [
            f"Quality and importance of each ROI in each rendering by the full-reference scorer"
            f" {card['scorer']} ({card['scorer_version']}); no person annotated anything."
        ],
        "rai:annotationsPerItem": "1",
        "rai:machineAnnotationTools": [f"{card['scorer']} {card['scorer_version']}", *masks],
        "rai:dataBiases": [
            "Labels are a model's: where it departs from people, so do they.",
            f"Photographs from {len(facts.cameras)} camera models.",
        ],
        "rai:dataLimitations": [
            "Distortions are synthetic and single; levels are even steps of a score on a pilot set."
        ],
        "rai:dataUseCases": ["Training and testing of models that judge regions of images."],
        "rai:dataSocialImpact": "Low: technical quality of images. A model trained on it may prefer"
        " cameras and scenes like those it saw.",
        "rai:personalSensitiveInformation": [
            f"Persons recognisable in the photographs: {release.persons or 'not stated'}."
            + (" This release holds no pixels." if about.recipe else "")
        ],
        "rai:dataReleaseMaintenancePlan": "A change of any byte is a new version. Contact: "
        f"{release.contact}.",
    }
