"""Paths and URLs on the command line: `Path("s3://bucket")` must never become a folder `s3:`."""

from pathlib import Path
from typing import Any

import click

from manifests.errors import SeagullError
from manifests.store_url import StoreUrl, is_url, parse_url

Place = Path | StoreUrl


class PlaceType(click.ParamType):
    """A path, or the URL of an object store."""

    name = "path or URL"

    def __init__(self, **path: Any) -> None:
        self.path = click.Path(path_type=Path, **path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return a Path or a StoreUrl."""
        if isinstance(value, str) and is_url(value):
            return parse_url(value)
        return value if isinstance(value, StoreUrl) else self.path.convert(value, param, ctx)


class DiskPath(click.ParamType):
    """A path of click's that is no URL."""

    def __init__(self, path: click.Path) -> None:
        self.path, self.name = path, path.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Convert as click does; raises SeagullError for a URL."""
        if isinstance(value, str) and is_url(value):
            command = ctx.info_name if ctx else ""
            raise SeagullError(no_url(value, f"seagull {command}: {param.name if param else ''}"))
        return self.path.convert(value, param, ctx)


def refuse_urls(command: click.Command) -> None:
    """Have a URL refused wherever the command takes a path, but where it says that it takes one."""
    for param in command.params:
        if isinstance(param.type, click.Path):
            param.type = DiskPath(param.type)
    if isinstance(command, click.Group):
        for inner in command.commands.values():
            refuse_urls(inner)


def no_url(url: str, where: str) -> str:
    """Say that a URL is not taken, and what to do."""
    return (
        f"{where} takes a path, no URL ({url.partition('://')[0]}://...); bring it to a disk first"
        " (`aws s3 sync`, `gsutil rsync`, `azcopy sync`) and name the folder"
    )
