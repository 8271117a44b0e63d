"""The questions about rights that nobody but the publisher can answer.

They are values of the configuration's section `release`. What is not answered is not released.
"""

from manifests.config import ReleaseConfig
from manifests.errors import SeagullError

_ALWAYS = {
    "contact": "whom may users of the dataset write to",
    "labels_licence": "under which licence do masks, labels and parameters go out (SPDX or URL)",
}
_FOR_PIXELS = {
    "pixels_licence": "under which terms are the photographs (SPDX or URL)",
    "redistribute": "do these terms let renderings of the photographs be passed on (true or false)",
    "persons": "are persons recognisable in the photographs (none, incidental or consented)",
}


def check_terms(release: ReleaseConfig, pixels: bool) -> None:
    """Let through a release whose questions are answered.

    Raises:
        SeagullError: a question is open (all open ones are named), or the photographs' terms do
            not let their renderings be passed on.
    """
    asked = _ALWAYS | (_FOR_PIXELS if pixels else {})
    questions = {key: text for key, text in asked.items() if getattr(release, key) in ("", None)}
    if questions:
        listed = "; ".join(f"release.{key}: {text}?" for key, text in questions.items())
        instead = "" if not pixels else ". `--recipe-only` releases no pixel and asks less"
        raise SeagullError(
            f"a release needs answers, in the configuration or by --set: {listed}{instead}"
        )
    if pixels and release.redistribute is False:
        raise SeagullError(
            f"release.redistribute is false: the photographs' terms ({release.pixels_licence}) keep"
            " their renderings at home; release all else with --recipe-only"
        )


def licence_url(licence: str) -> str:
    """The URL of an SPDX identifier's text; a URL as it is."""
    is_url = licence.startswith(("https://", "http://"))
    return licence if is_url else f"https://spdx.org/licenses/{licence}.html"
