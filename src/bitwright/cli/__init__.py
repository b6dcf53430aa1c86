"""The command line: arguments in, one call into flow, words out. Nothing is computed here."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from bitwright import __version__
from bitwright.cli import designs, machine, networks
from bitwright.cli.shared import app
from bitwright.core.errors import BitwrightError

__all__ = ["app", "designs", "machine", "main", "networks"]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="print the version")
    ] = False,
) -> None:
    return None


def main() -> None:
    """Run the command line; a `BitwrightError` ends it with its message and status 1."""
    try:
        app()
    except BitwrightError as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        told = "the same command again (a search: with --resume); finished files were kept"
        typer.echo(f"error: interrupted\ntry: {told}", err=True)
        sys.exit(130)
