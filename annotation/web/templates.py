"""Jinja pages on one frame: `frame.html` gives head, look and main; a page fills its blocks."""

from pathlib import Path
from typing import Any

import jinja2
from starlette.responses import HTMLResponse

HERE = Path(__file__).parent


class Templates:
    """The pages of some folders, escaped; `frame.html` and `error.html` are always there."""

    def __init__(self, *folders: Path) -> None:
        self.environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader([*folders, HERE]),
            autoescape=True,
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=jinja2.StrictUndefined,
        )

    def page(self, name: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The page `name` with its values; a value that the page needs and has not is an error."""
        return HTMLResponse(self.environment.get_template(name).render(values), status)
