"""Commands that make a dataset ready for others, and others' ready for us."""

import sys
from pathlib import Path

import click

from pipeline.cli.options import FAILED, Job, job_options, writes_workspace


@click.command()
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where the release's folder is made.",
)
@click.option("--recipe-only", is_flag=True, help="No pixel: what it takes to make them again.")
@click.option("--push", "url", metavar="hf://datasets/OWNER/NAME", help="Then upload it.")
@job_options
def release(job: Job, folder: Path, recipe_only: bool, url: str | None) -> None:
    """Shards, compacted tables, dataset card, datasheet, Croissant and SHA256SUMS."""
    from pipeline.release.naming import release_name
    from pipeline.release.push import push
    from pipeline.release.release import release as write_release

    there = folder / release_name(job.config, recipe_only)
    if not (url and there.is_dir()):  # an upload is taken up again
        click.echo(f"released: {write_release(job.workspace, job.config, folder, recipe_only)}")
    if url:
        click.echo(f"uploaded: {push(there, url)}")


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--against", type=click.Path(path_type=Path, file_okay=False), help="The originals.")
@job_options
@writes_workspace
def rebuild(job: Job, recipe: Path, against: Path | None) -> None:
    """The pixels of a RECIPE again, from the RAW files; says what is identical and what is not."""
    from manifests.workspace import Workspace
    from pipeline.rebuild.compare import summary
    from pipeline.rebuild.rebuild import rebuild as rebuild_recipe
    from pipeline.workers.executors import make_executor

    rebuilt = rebuild_recipe(
        recipe,
        job.raw_folder,
        job.workspace,
        lambda config: make_executor(job.executor, job.workers, config.work),
        Workspace(against) if against else None,
    )
    for line in summary(rebuilt.comparisons):
        click.echo(line)
    for name in rebuilt.missing:
        click.echo(f"missing: {name} (by sha256) is not in {job.raw}", err=True)
    if not rebuilt.whole:
        for line in rebuilt.machine:
            click.echo(f"the recipe's machine had {line}", err=True)
    if rebuilt.unlabelled:
        click.echo(rebuilt.unlabelled, err=True)
    if not rebuilt.whole:
        sys.exit(FAILED)


@click.command("import")
@click.option(
    "--seagull-100w",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="The released files: Ref.Images, Dist.Images, Labels.",
)
@click.option("--limit", type=click.IntRange(1), help="At most this many images.")
@job_options
@writes_workspace
def import_released(job: Job, folder: Path, limit: int | None) -> None:
    """The released SEAGULL-100w as a workspace; says what did not fit."""
    from pipeline.released.importing import REPORT, import_100w

    imported = import_100w(folder, job.workspace, job.config, limit)
    click.echo(
        f"{imported.scenes:,} scenes, {imported.renderings:,} renderings, {imported.rois:,} ROIs,"
        f" {imported.labels:,} labels; {imported.scores_read:,} scores read"
    )
    for note, count in imported.notes.items():
        click.echo(f"did not fit: {count:,} {note}", err=True)
    for shape, about in imported.shapes.items():
        example = about["example"]
        click.echo(f"did not fit: {about['count']:,} x {shape}, as at {example}", err=True)
    for name in imported.strange_files[:5]:
        click.echo(f"did not fit: file {name}", err=True)
    for image, why in list(imported.failed.items())[:20]:
        click.echo(f"failed {image}: {why}", err=True)
    click.echo(f"report: {job.workspace.root / REPORT}; next: seagull shards, verify, audit")
    if imported.failed:
        sys.exit(FAILED)


@click.command()
@click.option("--sample", type=click.IntRange(1), default=20, show_default=True, help="Scenes.")
@click.option("--scorer", help="Compare the released scores with this scorer's (embedded, ...).")
@click.option("--weights", default="", help="Its checkpoint, where it needs one.")
@job_options
def audit(job: Job, sample: int, scorer: str | None, weights: str) -> None:
    """What the released folders are: our parameter for each Type_k, and what is left unexplained.

    With --raw, noise is fitted in stops; without, as variance.
    """
    from manifests.config import ScorerConfig
    from pipeline.intake.sources import find_sources
    from pipeline.released.audit import audit as audit_folders

    raws = find_sources(job.raw, job.workspace).sources if job.raw else ()
    asked = ScorerConfig(scorer=scorer, weights=weights) if scorer else None
    folders, scores, path = audit_folders(job.workspace, job.config, sample, asked, raws)
    click.echo("folder            pairs  parameter +- spread  unit           explained  options")
    for one in folders:
        options = " ".join(f"{key}={value}" for key, value in one.options.items())
        tone = f" tone={one.tone}" if one.tone != "neutral" else ""
        click.echo(
            f"{one.folder:17} {one.pairs:5}  {one.parameter:9.4g} +- {one.spread:<8.2g}"
            f" {one.unit:14} {one.explained:8.1%}  {options}{tone}"
        )
    for agreement in scores:
        click.echo(
            f"{agreement.distortion}: released quality - {scorer}'s"
            f" {agreement.mean_difference:+.3f} in the mean, SROCC {agreement.srocc:.3f},"
            f" {agreement.rois:,} ROIs"
        )
    click.echo(f"report: {path}")


@click.command()
@click.option("--undo", is_flag=True, help="A file a scene again, byte for byte.")
@job_options
def compact(job: Job, undo: bool) -> None:
    """The tables as few large sorted Parquet files, for reading; --undo to go on building."""
    from pipeline.release.compact import compact as compact_tables
    from pipeline.release.compact import expand
    from pipeline.run.lock import only_writer

    with only_writer(job.workspace.root):
        changed = (expand if undo else compact_tables)(job.workspace)
    for name, count in changed.items():
        click.echo(f"{name:12} {count:7,} {'file' if count == 1 else 'files'}")
    if not changed:
        form = "a file a scene" if undo else "compacted, or empty"
        click.echo(f"the tables of {job.workspace.root} are {form} already")


COMMANDS = (release, rebuild, import_released, audit, compact)
