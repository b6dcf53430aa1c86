"""Event files of a gradient search: one for each stage and model, which TensorBoard shows side by side."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

from bitwright.search.checkpoint import Row
from bitwright.search.events import Events

__all__ = ["Logs"]

_FOLDER = "logs"


class Logs:
    """Writes rows to FOLDER/logs/STAGE-RUN (without a folder, nowhere). Epochs that a resumed search trains again are
    there twice, with the same numbers."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = None if folder is None else folder / _FOLDER
        self._open: dict[str, Events] = {}

    def row(self, row: Row, target: float | None) -> None:
        """What one model's epoch came to: loss, score, price, the price's weight, and the target it was to meet."""
        if self.folder is None:
            return
        name = f"{row.stage.replace(' ', '-')}-{row.run}"
        if name not in self._open:
            self._open[name] = Events(self.folder / name)
        told = {"loss": row.loss, "score": row.score, "price": row.price, "beta": row.beta}
        if target is not None:
            told["target"] = target
        for tag, value in told.items():
            self._open[name].scalar(tag, row.epoch, value)

    def __enter__(self) -> Logs:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for events in self._open.values():
            events.__exit__(kind, error, trace)
        self._open.clear()
