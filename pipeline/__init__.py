"""The work: stages over scenes, the Ray DAG, shards, report, command line.

    stages.py        the list of stages: render, masks, labels, study
    stage.py         what a stage is
    render_stage.py  a RAW to its renderings
    roi_stages.py    masks and labels
    study_stage.py   mixed distortions with simulated ratings
    sources.py       RAW files found, hashed and named; the split of a scene
    images.py        stored images to arrays
    worker.py        one stage of one scene, in a worker process
    executors.py     where tasks run: Ray, or processes of this machine
    ledger.py        what is done, failed, ready or waiting
    flow.py          which scene does what next; attempts, failures, progress
    failures.py      the failures table
    samples.py       what one sample of a dataset holds
    shards.py        WebDataset tars and their Parquet index
    card.py          shards/dataset.json: what readers of the shards must know
    verify.py        re-opens everything; verify_shards.py its tars
    plan.py          what would be done, and what is
    show.py          one scene or one ROI as a picture
    report.py        one HTML file to look at; figures.py draws for it
    cli.py           the command `seagull`; cli_*.py its commands; options.py what they share
    cost.py          unit costs measured; calibration.py levels by a scorer; bench.py; demo.py

Everything but training may be imported; training is found by entry point.
"""
