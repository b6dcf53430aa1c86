"""Whose journal lies in a folder: a search goes on with its own, and with nobody else's."""

from __future__ import annotations

from pathlib import Path

from bitwright.core.errors import ConfigError

__all__ = ["check_folder", "held"]

_FILES = {
    "gradient": ("gradient.npz", "tables.npz"), "sensitivity": ("sensitivity.json",), "trials": ("study.json",),
}  # fmt: skip


def held(folder: Path) -> tuple[str, ...]:
    """The methods whose journals lie in `folder`."""
    return tuple(method for method, names in _FILES.items() if any((folder / name).exists() for name in names))


def check_folder(folder: Path, method: str, resume: bool) -> None:
    """Raises ConfigError for a folder with another method's journal, or with any where nothing is to be resumed.

    That the journal is one of the same model, data and options is checked by the method when it reads it.
    """
    found = held(folder)
    others = [name for name in found if name != method]
    if others:
        raise ConfigError(
            f"it holds a search by method {others[0]!r}",
            where=str(folder),
            remedy=f"name another folder, or search with method={others[0]!r}",
        )
    if found and not resume:
        raise ConfigError(
            "it holds a search that was begun, or finished",
            where=str(folder),
            remedy="go on with it by resume=True (on the command line: --resume), or name another folder",
        )
