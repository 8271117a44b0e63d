"""A release to the Hugging Face Hub. The token is the environment's: HF_TOKEN, `hf auth login`."""

import re
from pathlib import Path
from typing import Any

from manifests.errors import SeagullError


def push(folder: Path, url: str) -> str:
    """Upload the release to `hf://datasets/OWNER/NAME`; returns the page's address.

    The upload is resumed by the same call. The revision is tagged by the release's name.

    Raises:
        SeagullError: `url` is none, or the Hub refuses or cannot be reached.
    """
    found = re.fullmatch(r"hf://(?:datasets/)?([\w.-]+/[\w.-]+)", url)
    if found is None:
        raise SeagullError(f"--push {url}: expected hf://datasets/OWNER/NAME")
    from httpx import HTTPError
    from huggingface_hub.errors import HfHubHTTPError

    try:
        _upload(_api(), folder, found[1])
    except (HfHubHTTPError, HTTPError, OSError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
        raise SeagullError(
            f"--push {url}: {reason}; {folder} is whole, and the same command goes on from here"
        ) from error
    return f"https://huggingface.co/datasets/{found[1]}"


def _api() -> Any:
    from huggingface_hub import HfApi

    return HfApi()


def _upload(api: Any, folder: Path, repo: str) -> None:
    api.create_repo(repo, repo_type="dataset", exist_ok=True)
    # Older versions have a call of its own for folders of many large files.
    upload = getattr(api, "upload_large_folder", api.upload_folder)
    upload(repo_id=repo, repo_type="dataset", folder_path=str(folder))
    api.create_tag(repo, tag=folder.name, repo_type="dataset", exist_ok=True)
