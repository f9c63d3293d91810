"""Missing optional libraries: a failed import becomes one line that names the extra to install."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

OURS = frozenset({"render", "dataset", "train", "pipelines"})
"""Top-level packages of this distribution: that one of their modules is missing is a bug, not a missing extra."""


@contextmanager
def needing(what: str, extra: str) -> Iterator[None]:
    """Turn a failed import inside the block into an error that names the extra to install.

    Parameters
    ----------
    what : the command or option that needs the library, as the message begins
    extra : name of the extra, or several with commas between them

    Raises
    ------
    click.ClickException
        A library that is not part of this distribution cannot be imported.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in OURS:
            raise
        raise click.ClickException(f"{what} needs {error.name}: pip install 'dcign[{extra}]'") from error
