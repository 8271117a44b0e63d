"""File names are bytes; tables hold UTF-8, and a terminal obeys what it is shown."""

import os
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

_ENCODED = "file:"


def text_of(path: os.PathLike[str]) -> str:
    r"""A path as a table's text: as it is, or `file:` and percent-encoded where it does not print.

    What does not print: bytes that are no UTF-8, control characters, and marks that turn the
    direction of writing. `path_of` gives the path back, whatever it was.

    >>> text_of(Path("raw/r0001.NEF")), text_of(Path("raw/a\x1b[31m.NEF"))
    ('raw/r0001.NEF', 'file:raw/a%1B%5B31m.NEF')
    """
    name = os.fspath(path)
    if name.isprintable() and not name.startswith(_ENCODED):
        return name
    return _ENCODED + quote(os.fsencode(name), safe="/ ")


def path_of(text: str) -> Path:
    """The path of which `text_of` made the text."""
    if not text.startswith(_ENCODED):
        return Path(text)
    return Path(os.fsdecode(unquote_to_bytes(text.removeprefix(_ENCODED))))


def printable(text: str) -> str:
    r"""Text without what a terminal would obey or could not show; line ends and tabs stay.

    >>> printable("a\x1b[31m")
    'a\\x1b[31m'
    """
    if text.isprintable():
        return text
    shown = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(
        sign if sign.isprintable() or sign in "\n\r\t" else _escape(sign) for sign in shown
    )


def one_line(text: str) -> str:
    """`printable` text with its line ends and tabs as single blanks."""
    return printable(text if text.isprintable() else " ".join(text.split()))


def _escape(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")
