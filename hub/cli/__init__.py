"""The command `hub`."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Entry point of the installed program."""
    if sys.argv[1:2] == ["serve"]:
        gc.disable()  # until it has started: what is imported stays
        from hub.cli.serve import app  # noqa: PLC0415 - a server is ready half a second earlier
    else:
        from hub.cli.app import app  # noqa: PLC0415 - as above
    app()
