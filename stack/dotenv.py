"""The file `.env` of the folder in which `csms` is called: settings beside the environment, for all that it starts."""

import os
from pathlib import Path

from dotenv import dotenv_values

from stack.errors import StackError


def read(file: Path) -> None:
    """Put what the file sets into the environment; what is set there already stays, and empty values set nothing.

    Here and once, so that the file counts for whoever reads a variable: this process, Envoy's configuration, children.
    Raises StackError when there is a file that cannot be read.
    """
    if not file.exists():
        return
    try:
        values = dotenv_values(file, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StackError(f"{file} cannot be read: {error}") from error
    for name, value in values.items():
        if value and not os.environ.get(name):
            os.environ[name] = value
