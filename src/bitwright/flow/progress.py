"""Progress on a terminal as a bar with the time left; elsewhere plain lines."""

from __future__ import annotations

import sys
from typing import Any

from bitwright.core.progress import Progress, Steps

__all__ = ["listener"]


def listener() -> Progress:
    """The listener that fits standard error."""
    return _Bar() if sys.stderr.isatty() else Steps(lambda line: sys.stderr.write(line + "\n"))


class _Bar:
    """One live line per step: name, bar, time spent and left; a tick when it is done."""

    def __init__(self) -> None:
        from rich.console import Console

        self.console = Console(stderr=True)
        self.bar: Any = None
        self.task: Any = None
        self.name = ""

    def step(self, name: str, total: int | None = None) -> None:
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        self._stop()
        columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()]
        if total is not None:
            columns += [TextColumn("left"), TimeRemainingColumn()]
        self.bar = Progress(*columns, console=self.console, transient=True)
        self.name = name
        self.task = self.bar.add_task(name, total=total)
        self.bar.start()

    def advance(self, amount: int = 1) -> None:
        if self.bar is not None:
            self.bar.advance(self.task, amount)

    def note(self, text: str) -> None:
        if self.bar is not None:
            self.bar.update(self.task, description=f"{self.name}: {text}")

    def done(self, note: str = "") -> None:
        self._stop()
        self.console.print(f"[green]✓[/] {self.name}" + (f": {note}" if note else ""), highlight=False)

    def _stop(self) -> None:
        if self.bar is not None:
            self.bar.stop()
            self.bar = None
