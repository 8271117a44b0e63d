"""One local web application: Ask and Explore under one roof."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from annotation.web.app import LOOPBACK_NAMES, make_app
from annotation.web.guards import MEBIBYTE
from manifests.config import Config
from manifests.errors import SeagullError
from manifests.workspace import Workspace
from pipeline.pages.ask_page import Ask
from pipeline.pages.ask_regions import model_folder
from pipeline.pages.explore_page import Explore
from pipeline.pages.scene_records import Source
from pipeline.pages.shards_source import ShardsSource
from pipeline.pages.workspace_source import WorkspaceSource

T = TypeVar("T")
LARGEST_PHOTO = 256 * MEBIBYTE
NAV = {"/ask": "Ask", "/explore": "Explore"}


def open_source(workspace: Workspace) -> Source:
    """The dataset of a workspace, or its shards where there are no tables.

    Raises:
        SeagullError: there is neither.
    """
    if workspace.table("scenes").is_dir():
        return WorkspaceSource(workspace)
    if workspace.dataset_card.parent.is_dir():
        return ShardsSource(workspace)
    raise SeagullError(
        f"{workspace.root} holds neither tables nor shards of a dataset; run `seagull build`"
    )


def pages_app(
    workspace: Workspace,
    model: Path | None,
    config: Config,
    hosts: tuple[str, ...] = LOOPBACK_NAMES,
) -> Starlette:
    """Both pages; one of them alone where there is only a network, or only a dataset.

    Raises:
        SeagullError: there is neither a network nor a dataset; or not the network that was given.
    """
    source, no_source = _tried(open_source, workspace)
    folder, no_model = _tried(model_folder, model, workspace)
    if source is None and folder is None:
        raise SeagullError(f"{no_source}; {no_model}")
    nav = NAV if source else {"/ask": "Ask"}
    explore = Explore(source, nav).routes() if source else []
    routes = [Route("/", _home), *Ask(folder, config, nav).routes(), *explore]
    static = {"pages": Path(__file__).parent / "static"}
    return make_app(routes, static, LARGEST_PHOTO, hosts)


def _tried(open_one: Callable[..., T], *arguments: Any) -> tuple[T | None, SeagullError | None]:
    try:
        return open_one(*arguments), None
    except SeagullError as error:
        return None, error


def _home(request: Request) -> Response:
    return RedirectResponse("/explore" if _has(request, "/explore") else "/ask")


def _has(request: Request, path: str) -> bool:
    return any(getattr(route, "path", "") == path for route in request.app.routes)
