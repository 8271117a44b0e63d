"""Commands that learn, found by entry point: pipeline may not import training."""

from importlib.metadata import entry_points

import click

from pipeline.cli.options import Job, job_options, print_rows


def _learning_command(name: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @job_options
    def command(job: Job) -> None:
        (entry,) = entry_points(group="seagull.learning", name=name)
        numbers = entry.load()(job.workspace, job.config)
        job.save_config()
        print_rows(numbers)

    return command


pretrain = _learning_command("pretrain", "Train the network on SEAGULL-100w's shards.")
finetune = _learning_command("finetune", "Go on from pretrain on SEAGULL-3k's shards.")
evaluate = _learning_command("evaluate", "Scores of the networks on the test splits.")


COMMANDS = (pretrain, finetune, evaluate)
