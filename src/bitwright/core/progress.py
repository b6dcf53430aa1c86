"""Progress of long work, told to whoever listens; this module draws nothing itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

__all__ = ["Progress", "Silent", "Steps"]


class Progress(Protocol):
    """A listener: `step` opens a named piece of work of `total` units, `advance` moves it on."""

    def step(self, name: str, total: int | None = None) -> None:
        """Open the piece of work `name` of `total` units (None: not known)."""
        ...

    def advance(self, amount: int = 1) -> None:
        """`amount` more units of it are done."""
        ...

    def done(self, note: str = "") -> None:
        """Close it; `note` says what came out."""
        ...


class Silent:
    """The listener that ignores everything."""

    def step(self, name: str, total: int | None = None) -> None:
        """Nothing to tell."""
        return None

    def advance(self, amount: int = 1) -> None:
        """Nothing to tell."""
        return None

    def done(self, note: str = "") -> None:
        """Nothing to tell."""
        return None


class Steps:
    """Plain lines for logs and pipes: one when a step starts, one when it ends."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._name = ""

    def step(self, name: str, total: int | None = None) -> None:
        """A line that names the work."""
        self._name = name
        self._write(f"{name} ...")

    def advance(self, amount: int = 1) -> None:
        """Units are not shown."""
        return None

    def done(self, note: str = "") -> None:
        """A line with the note."""
        self._write(f"{self._name}: {note or 'done'}")
