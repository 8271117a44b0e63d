"""The work: stages over scenes, the Ray DAG, shards, what one looks at, the command line.

    store/    workspaces and RAW files in an object store
    intake/   RAW files found, hashed and named; the split of a scene
    stages/   what a stage is; render, masks, labels, study; the list of them
    workers/  where tasks run: processes of this machine, or Ray
    run/      which scene does what next: ledger, flow, failures, the lock
    dataset/  samples, tars and their index, the card, verify
    mixing/   several distortions in a rendering, everywhere or inside regions
    endless/  samples made while a network learns, from RAW files and a configuration
    study/    SEAGULL-3k: photographs in, lessons, plan, export, simulated raters
    look/     plan and status, pictures, the report
    pages/    regions asked about, by command or page; a dataset walked through in the browser
    released/ the released SEAGULL-100w as a workspace, and what its folders are
    release/  a dataset made ready for others, with its pixels or as a recipe
    rebuild/  a recipe and the RAW files to the dataset again; the two compared
    export/   COCO instances JSON, FiftyOne
    tools/    costs, calibration, benchmarks, demo, mixtures, sidecars
    torture/  what docs/promises.md promises, tried
    cli/      the command `seagull`

One direction, in this order. Everything but training may be imported; training is found by entry
point. `stages/all_stages.py` is the place to begin reading.
"""
