"""The command `hub`."""

from __future__ import annotations

from hub.cli.app import app


def main() -> None:
    """Entry point of the installed program."""
    app()
