"""Entry points: what users' own packages add to the tables of distortions and models.

A package names its value in its metadata, `[project.entry-points."seagull.scorers"]`,
`mine = "my_package:SCORER"`, and is found once it is installed. Of models only the one in use is
imported; of distortions all are.
"""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from manifests.errors import SeagullError

T = TypeVar("T")


def plugin_names(group: str) -> list[str]:
    """List the names that installed packages have in `group`, sorted; imports none."""
    return sorted({entry.name for entry in entry_points(group=group)})


def by_name(name: str, own: Mapping[str, T], group: str, kind: type[T], what: str) -> T:
    """Return the value called `name`: of our own table, else of an entry point in `group`.

    Raises:
        SeagullError: there is none, two packages have it, it cannot be imported, or it is no
            `kind`; `what` says what is asked for: a detector.
    """
    if name in own:
        return own[name]
    entries = list(entry_points(group=group, name=name))
    if not entries:
        names = ", ".join([*own, *plugin_names(group)])
        raise SeagullError(f"'{name}' is no {what} that can be used; there are {names}")
    if len(entries) > 1:
        both = " and ".join(sorted(entry.value for entry in entries))
        raise SeagullError(f"{group}: {both} have one name, {name}; uninstall one of them")
    return load_plugin(entries[0], kind)


def load_plugin(entry: EntryPoint, kind: type[T]) -> T:
    """Import the value of an entry point.

    Raises:
        SeagullError: it cannot be imported, or is no `kind`.
    """
    try:
        value = entry.load()
    except Exception as error:  # a user's module may fail in any way
        raise SeagullError(
            f"{entry.group}: {entry.value} cannot be imported ({type(error).__name__}: {error})"
        ) from error
    if not isinstance(value, kind):
        raise SeagullError(
            f"{entry.group}: {entry.value} is a {type(value).__name__}, expected a {kind.__name__}"
        )
    return value
