"""Progress of long work, told to whoever listens; this module draws nothing itself."""

from __future__ import annotations

import time
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

    def note(self, text: str) -> None:
        """How it stands in between: the best so far, what is being done now."""
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

    def note(self, text: str) -> None:
        """Nothing to tell."""
        return None

    def done(self, note: str = "") -> None:
        """Nothing to tell."""
        return None


class Steps:
    """Plain lines for logs and pipes: one when a step starts, one for each note on it, one when it ends."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write
        self._name = ""
        self._total: int | None = None
        self._done = 0
        self._start = 0.0

    def step(self, name: str, total: int | None = None) -> None:
        """A line that names the work."""
        self._name, self._total, self._done, self._start = name, total, 0, time.monotonic()
        self._write(f"{name} ...")

    def advance(self, amount: int = 1) -> None:
        """Units are counted, and shown with the next note."""
        self._done += amount

    def note(self, text: str) -> None:
        """A line with the units done, the text and the time left, as far as they are known."""
        parts = [f"{self._done} of {self._total}"] if self._total else []
        parts.append(text)
        if self._total and 0 < self._done < self._total:
            left_s = (time.monotonic() - self._start) / self._done * (self._total - self._done)
            parts.append(f"about {_duration(left_s)} left")
        self._write(f"{self._name}: {', '.join(parts)}")

    def done(self, note: str = "") -> None:
        """A line with the note."""
        self._write(f"{self._name}: {note or 'done'}")


def _duration(seconds: float) -> str:
    """Seconds below two minutes, minutes below two hours, then hours."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
