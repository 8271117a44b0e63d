"""The contract: keys, records, tables, configuration, files and the levels of eq. 1.

Every other package may import this one; it imports none of them.

    errors.py      what went wrong, in words for the person who can mend it
    keys.py        scene_id, rendering_id, roi_id and the six distortions
    records.py     one frozen dataclass a table: Scene, Rendering, Roi, Label, Failure
    ratings.py     SEAGULL-3k: a Rating, and an Opinion that a ROI's ratings come to
    tables.py      records <-> Parquet, a file a scene, a folder a table
    workspace.py   where everything of one dataset lies
    files.py       atomic files and their sha256
    done.py        the record written last, with the fingerprint of all that made an output
    config.py      frozen dataclasses, one a section
    presets.py     a configuration from a preset, YAML, overrides
    progress.py    how far a long run is, on standard error
    memory.py      freed memory stays with the process; memory that nobody wrote
    chance.py      counter-based random numbers keyed by what is being made
    words.py       eq. 1: continuous scores <-> five words
    images.py      stored images to arrays and back
    rle.py         masks as COCO run lengths
"""
