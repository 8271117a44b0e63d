"""The command `seagull`: a command a stage, the same options everywhere.

Exit status: 0 all is done; 1 the run ended and some scenes failed (or `verify` found problems);
2 the command could not run, with one line that says why.
"""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import click

from manifests.errors import SeagullError
from pipeline.options import Job, job_options

FAILED = 1
UNABLE = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def seagull() -> None:
    """SEAGULL's dataset factory: RAW files to region-quality datasets and the network."""


def main() -> None:
    """Run the command; an error meant for people is one line, never a traceback."""
    try:
        seagull.main(standalone_mode=False)
    except SeagullError as error:
        sys.exit(_complain(str(error), UNABLE))
    except click.ClickException as error:
        error.show()
        sys.exit(UNABLE)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(_complain("interrupted; what is done stays done, run the same again", 130))


def _complain(message: str, status: int) -> int:
    click.echo(f"seagull: {message}", err=True)
    return status


# ---- the stages ------------------------------------------------------------------------------


def _stage_command(name: str, text: str) -> None:
    @seagull.command(name, help=text)
    @job_options
    def command(job: Job) -> None:
        _end(_run(job, [name]))


@seagull.command()
@click.option("--xmp", is_flag=True, help="Also write Camera Raw sidecars of the same settings.")
@job_options
def render(job: Job, xmp: bool) -> None:
    """RAW files to a reference and 6 x 20 renderings a scene."""
    from pipeline.sidecars import write_sidecars

    failures = _run(job, ["render"])
    if xmp:
        click.echo(f"{write_sidecars(job.workspace, job.config)} sidecars in {job.workspace.xmp}")
    _end(failures)


_stage_command("masks", "Object and component ROIs on the references.")
_stage_command("labels", "Quality, importance and distortion of each ROI in each rendering.")


@seagull.command()
@job_options
def build(job: Job) -> None:
    """Render, masks and labels fused, a scene at a time; then the shards."""
    from pipeline.stages import BUILD

    failures = _run(job, list(BUILD))
    try:
        _shard(job, "seagull-100w")
    except SeagullError:
        if not failures:
            raise
    _end(failures)


@seagull.command()
@job_options
def shards(job: Job) -> None:
    """WebDataset tars and their Parquet index, of every dataset in the workspace."""
    _shard(job, "seagull-100w")
    if job.workspace.study.is_dir():
        _shard(job, "seagull-3k")


@seagull.command()
@click.option("--simulate", is_flag=True, help="Raters that do not exist, for demos and tests.")
@job_options
def study(job: Job, simulate: bool) -> None:
    """SEAGULL-3k's format from mixed distortions, rated by simulated raters."""
    if not simulate:
        raise SeagullError(
            "the rating page for people is not here yet; `seagull study --simulate` makes mixed"
            " renderings with simulated raters, marked so in every record"
        )
    failures = _run(job, ["study"])
    _shard(job, "seagull-3k")
    _end(failures)


def _run(job: Job, names: list[str]) -> int:
    """Run the stages; prints what came of it and returns the number of failures."""
    from pipeline.executors import make_executor
    from pipeline.flow import Flow

    sources, copies = _sources(job, names)
    job.save_config()
    flow = Flow(sources, names, job.workspace, job.config)
    tally = flow.run(lambda: make_executor(job.executor, job.workers, job.config.work))
    for name in names:
        click.echo(
            f"{name:7} {tally.made[name]:5} made  {tally.kept[name]:5} kept"
            f"  {tally.failed[name]:5} failed"
        )
    click.echo("        " + ", ".join(f"{n:,} {what}" for what, n in tally.counts.items()))
    return tally.failures + copies


def _sources(job: Job, names: list[str]) -> tuple[tuple, int]:
    from pipeline.sources import find_sources, known_sources

    if "render" not in names:
        known = known_sources(job.workspace)
        if not known:
            raise SeagullError(f"{job.workspace.root} holds no scene; run `seagull render` first")
        return known, 0
    found = find_sources(job.raw_folder, job.workspace)
    if found.ignored:
        shown = ", ".join(path.name for path in found.ignored[:3])
        click.echo(f"left aside {len(found.ignored)} files not named as RAW ({shown})", err=True)
    return found.sources, _record_copies(job, found.duplicates)


def _record_copies(job: Job, copies: tuple) -> int:
    from manifests.records import Failure
    from pipeline.failures import write_failure

    for path, source in copies:
        text = f"{path} has the name and content of {source.path}; one of them is enough"
        key = f"{source.scene_id}_copy"
        write_failure(job.workspace, Failure("render", key, "duplicate", text, 1, source.sha256))
    return len(copies)


def _shard(job: Job, name: str) -> None:
    from pipeline.card import write_card
    from pipeline.shards import seagull_3k, seagull_100w, write_shards

    dataset = seagull_100w(job.workspace) if name == "seagull-100w" else seagull_3k(job.workspace)
    sharded = write_shards(dataset, job.config)
    write_card(dataset, job.config)
    samples = ", ".join(f"{count:,} {split}" for split, count in sharded.samples.items())
    click.echo(f"shards  {sharded.written:5} made  {sharded.kept:5} kept   {name}: {samples}")
    if sharded.left_out:
        click.echo(f"        {sharded.left_out} scenes left out: not labelled", err=True)


def _end(failures: int) -> None:
    if failures:
        click.echo(
            f"{failures} failed: see tables/failures, the report, or `seagull status`;"
            " `seagull retry` tries them again",
            err=True,
        )
        sys.exit(FAILED)


# ---- what learns: found by entry point, because pipeline may not import training -------------


def _learning_command(name: str, text: str) -> None:
    @seagull.command(name, help=text)
    @job_options
    def command(job: Job) -> None:
        (entry,) = entry_points(group="seagull.learning", name=name)
        job.save_config()
        _print_table(entry.load()(job.workspace, job.config))


_learning_command("pretrain", "Train the network on SEAGULL-100w's shards.")
_learning_command("finetune", "Go on from pretrain on SEAGULL-3k's shards.")
_learning_command("evaluate", "Scores of the networks on the test splits.")


def _print_table(rows: dict[str, Any]) -> None:
    for key, value in rows.items():
        click.echo(f"{key:28} {value:.4f}" if isinstance(value, float) else f"{key:28} {value}")


# ---- to look at ------------------------------------------------------------------------------


@seagull.command()
@click.option("--measure", type=click.IntRange(0), default=0, help="Cost this many scenes.")
@click.option("--scenes", type=click.IntRange(1), help="What as many would cost (with --measure).")
@job_options
def plan(job: Job, measure: int, scenes: int | None) -> None:
    """What would be done: scenes by stage, renderings, bytes; with --measure, CPU and GPU hours."""
    from pipeline.plan import count_stages, sample_bytes
    from pipeline.stages import BUILD

    sources, _ = _sources(job, ["render"])
    counts = count_stages(sources, BUILD, job.workspace, job.config)
    click.echo(
        f"{len(sources)} scenes in {job.raw_folder}, {sum(s.bytes for s in sources):,} bytes"
    )
    for count in counts:
        click.echo(
            f"{count.stage:7} {count.to_do:5} to do  {count.done:5} done {count.failed:5} failed"
        )
    if measure:
        from pipeline.cost import cost_table
        from pipeline.cost import measure as measure_costs

        costs = measure_costs(sources[:measure], job.config)
        click.echo(cost_table(costs, scenes or len(sources)))
    elif counts[0].to_do:
        _print_bytes(counts[0].to_do, sample_bytes(sources, job.config))


def _print_bytes(scenes: int, sample: Any) -> None:
    if sample is None:
        return
    renderings = scenes * 121
    click.echo(
        f"{renderings:,} renderings, about {renderings * sample.mean_bytes / 1e9:.2f} GB"
        f" ({sample.mean_bytes / 1e3:.0f} kB each over {sample.renderings} of {sample.scene_id})"
    )


@seagull.command()
@job_options
def status(job: Job) -> None:
    """Where every scene of the workspace stands, and what failed."""
    from pipeline.failures import read_failures
    from pipeline.plan import count_stages
    from pipeline.sources import known_sources
    from pipeline.stages import STAGES

    names = [stage.name for stage in STAGES]
    for count in count_stages(known_sources(job.workspace), names, job.workspace, job.config):
        click.echo(
            f"{count.stage:7} {count.done:5} done {count.failed:5} failed"
            f" {count.ready:5} ready {count.waiting:5} waiting"
        )
    for failure in read_failures(job.workspace):
        click.echo(f"failed {failure.stage} {failure.key}: {failure.reason}: {failure.message}")


@seagull.command()
@job_options
def retry(job: Job) -> None:
    """Forget the failures and do what is not done."""
    from pipeline.failures import forget_all
    from pipeline.stages import BUILD

    click.echo(f"{forget_all(job.workspace)} failures forgotten")
    _end(_run(job, list(BUILD) if job.raw else ["masks", "labels"]))


@seagull.command()
@job_options
def verify(job: Job) -> None:
    """Re-open everything: counts, keys, hashes, pixels, masks, samples."""
    from pipeline.verify import verify as verify_workspace

    seen, problems = verify_workspace(job.workspace, job.config)
    click.echo(", ".join(f"{count:,} {what}" for what, count in seen.items()))
    for problem in problems[:50]:
        click.echo(f"problem: {problem}", err=True)
    if problems:
        click.echo(f"{len(problems)} problems", err=True)
        sys.exit(FAILED)
    click.echo("all whole")


@seagull.command()
@click.argument("key")
@job_options
def show(job: Job, key: str) -> None:
    """A picture of one scene (its ROIs) or one ROI (through the levels)."""
    from pipeline.show import show as show_key

    click.echo(show_key(job.workspace, key))


@seagull.command()
@job_options
def report(job: Job) -> None:
    """One HTML file to open, and the summary."""
    from pipeline.report import summary, write_report

    path = write_report(job.workspace, job.config)
    _print_table(dict(summary(job.workspace)))
    click.echo(f"report: {path}")


@seagull.command()
@click.option("--pilot", type=click.IntRange(1), default=6, help="Measure on this many RAW files.")
@click.option("--write", type=click.Path(path_type=Path), help="Write the table to this YAML.")
@job_options
def calibrate(job: Job, pilot: int, write: Path | None) -> None:
    """Twenty levels a type, evenly spaced by the configured scorer on a pilot set of RAW files."""
    from pipeline.calibration import calibrate as calibrate_levels

    table, picture = calibrate_levels(job.raw_folder, job.workspace, job.config, pilot, write)
    click.echo(f"levels: {table}\nplot: {picture}\nuse them with --set render.levels={table}")


# ---- demo and bench --------------------------------------------------------------------------


@seagull.command()
@click.option("--only", type=click.Choice(["isp", "labelers"]), help="One table of the two.")
@job_options
def bench(job: Job, only: str | None) -> None:
    """CPU seconds beside peers, in one run, on the file --raw (default: a bundled photograph)."""
    from pipeline.bench import tables

    for title, table in tables(job.raw, only):
        click.echo(f"{title}\n\n{table}\n")


@seagull.command("demo-raw")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("photos", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def demo_raw(folder: Path, photos: tuple[Path, ...]) -> None:
    """Photographs to Bayer DNGs in FOLDER: PHOTOS, or those bundled with scikit-image."""
    from pipeline.demo import write_demo_raw

    for path in write_demo_raw(folder, photos):
        click.echo(path)


if __name__ == "__main__":
    main()
