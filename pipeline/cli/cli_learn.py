"""Commands that learn, found by entry point: pipeline may not import training."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import click

from pipeline.cli.options import FAILED, Job, job_options, print_rows
from pipeline.run import learners

_model_option = click.option(
    "--model",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Begin with a whole network: an exported one, or the released SEAGULL-7B.",
)


def _beginning_with(job: Job, model: Path | None) -> Job:
    if model is None:
        return job
    network = replace(job.config.network, model=str(model))
    return replace(job, config=replace(job.config, network=network))


_endless_option = click.option(
    "--endless", is_flag=True, help="Make the samples from --raw meanwhile; no shards are read."
)


def _learn(name: str, job: Job, endless: bool) -> None:
    """Call what learns in this process; a status of its own where scenes failed."""
    if not endless:
        print_rows(learners.call(name, job.workspace, job.config))
        return
    with learners.endless(job.workspace, job.config, job.raw_place, job.workers) as source:
        print_rows(learners.call(name, job.workspace, job.config, source))
        if source.failed:
            click.echo(f"{len(source.failed)} scenes failed; others stood in their place", err=True)
            job.save_config()
            sys.exit(FAILED)


def _endless_of(job: Job) -> learners.EndlessOf:
    from pipeline.intake.raw_place import absolute

    return str(absolute(job.raw_place)), job.workers


def _learning_command(name: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @click.option("--processes", type=click.IntRange(1), default=1, help="Share each batch.")
    @click.option(
        "--launcher",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="Of several processes: on this machine, or by Ray Train.",
    )
    @_model_option
    @job_options
    def command(
        job: Job, processes: int, launcher: str, model: Path | None, endless: bool = False
    ) -> None:
        job = _beginning_with(job, model)
        learners.end_with_launcher()
        if learners.launched() or (processes == 1 and launcher == "local"):
            _learn(name, job, endless)
        else:
            start = learners.by_ray if launcher == "ray" else learners.by_processes
            start(name, job.workspace, job.config, processes, _endless_of(job) if endless else None)
        job.save_config()

    return command


pretrain = _endless_option(
    _learning_command("pretrain", "Train the network on SEAGULL-100w: its shards, or --endless.")
)
finetune = _learning_command("finetune", "Go on from pretrain on SEAGULL-3k's shards.")


@click.command()
@_endless_option
@_model_option
@job_options
def evaluate(job: Job, model: Path | None, endless: bool) -> None:
    """Scores of the networks on the test splits."""
    job = _beginning_with(job, model)
    _learn("evaluate", job, endless)
    if model is None:
        job.save_config()


@click.command()
@click.option("--gpu-gib", type=float, default=24.0, show_default=True, help="Memory of a GPU.")
@job_options
def network(job: Job, gpu_gib: float) -> None:
    """What the network costs: parameters, memory a GPU, steps, tokens. Needs no weights."""
    print_rows(learners.call("network", job.workspace, job.config, gpu_gib))


@click.command("export-model")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--stage", type=click.Choice(["pretrain", "finetune"]), default="finetune")
@click.option("--names", type=click.Choice(["ours", "released"]), default="ours")
@job_options
def export_model(job: Job, folder: Path, stage: str, names: str) -> None:
    """Write a trained network to FOLDER: LoRA merged, safetensors, a model card."""
    print_rows(learners.call("export_model", job.workspace, job.config, stage, folder, names))


@click.command()
@click.argument("number", type=click.IntRange(1, 4))
@job_options
def table(job: Job, number: int) -> None:
    """One of the paper's tables: every run that it needs, then Markdown, CSV and LaTeX."""
    job.save_config()
    learners.in_waves(job.workspace, job.config, number, os.environ.get("RAY_ADDRESS"))
    made = learners.call("table", job.workspace, job.config, number)
    click.echo(made["table"])
    click.echo(f"written: {made['files']}")


@click.command()
@click.argument("name")
@click.argument("model", type=click.Path(path_type=Path))
@click.option(
    "--task",
    type=click.Choice(["quality", "importance", "drawn", "words"]),
    default="quality",
    show_default=True,
    help="What a metric is asked for; how a vision-language model is given the box.",
)
@click.option("--tune", is_flag=True, help="Fine-tune a metric on the training split first.")
@job_options
def baseline(job: Job, name: str, model: Path, task: str, tune: bool) -> None:
    """Another model on the test split, for tables 1 and 2: a metric NAME of pyiqa, or vlm.

    MODEL is the metric's state dict, or the folder of a vision-language model of transformers.
    """
    print_rows(learners.call("baseline", job.workspace, job.config, name, model, task, tune))


COMMANDS = (baseline, table, pretrain, finetune, evaluate, network, export_model)
