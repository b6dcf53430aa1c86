"""Where a gradient search stands, on disk: written at epoch boundaries, whole or not at all."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import ConfigError, StorageError
from bitwright.core.files import write_atomic
from bitwright.search.gradient.archive import Candidate
from bitwright.search.gradient.state import State

__all__ = ["Checkpoint", "Place", "Row"]

_FILE = "gradient.npz"
_ARRAYS = ("targets", "price", "ratio", "start", "total")
_PARTS = ("trained", "others", "mean", "square")


@dataclass(frozen=True)
class Row:
    """One epoch of one model: the stage, its number, loss, validation score, price, and the price's weight."""

    stage: str
    run: int
    epoch: int
    loss: float
    score: float
    price: float
    beta: float


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Everything that the next epoch depends on: resuming from it gives what an uninterrupted search gives.

    stage, epoch: what comes next. targets: of the stage. start, total: of the controller. price, ratio: (models,).
    """

    stage: str
    epoch: int
    epochs: tuple[int, int]
    ends: tuple[float, float]
    targets: NDArray[np.float64]
    state: State
    price: NDArray[np.float64]
    ratio: NDArray[np.float64]
    start: NDArray[np.float64]
    total: NDArray[np.float64]
    candidates: tuple[Candidate, ...]
    history: tuple[Row, ...]
    findings: tuple[str, ...] = ()


class Place:
    """The file of a search in `folder` (None: nowhere), written at most every `every_s` seconds.

    `fingerprint` names model, data and options; a file of another search is refused by a ConfigError.
    """

    every_s: ClassVar[float] = 20.0

    def __init__(self, folder: Path | None, fingerprint: str) -> None:
        self.path = None if folder is None else folder / _FILE
        self.fingerprint, self._last = fingerprint, time.monotonic()

    def read(self) -> Checkpoint | None:
        """Where the search stood; None if it begins here."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            with np.load(self.path, allow_pickle=False) as found:
                arrays = {name: found[name] for name in found.files}
            told = json.loads(arrays.pop("told").tobytes())
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise StorageError(
                "it cannot be read", where=str(self.path), why=str(error), remedy="remove it to begin anew"
            ) from error
        if told["fingerprint"] != self.fingerprint:
            raise ConfigError(
                "it holds another search: the model, the data or the options differ",
                where=str(self.path),
                remedy="name another folder, or remove the file",
            )
        return _read(told, arrays)

    def write(self, point: Checkpoint) -> None:
        """Keep `point`, if the last one is old enough."""
        if self.path is None or time.monotonic() - self._last < self.every_s:
            return
        arrays: dict[str, Any] = {name: getattr(point, name) for name in _ARRAYS}
        _put(arrays, "state", point.state)
        for index, candidate in enumerate(point.candidates):
            _put(arrays, f"candidate{index}", candidate.state)
        told = {
            "fingerprint": self.fingerprint, "stage": point.stage, "epoch": point.epoch, "epochs": point.epochs,
            "ends": point.ends, "steps": float(point.state.steps), "history": [asdict(row) for row in point.history],
            "findings": point.findings,
            "candidates": [(c.score, c.price, c.origin, float(c.state.steps)) for c in point.candidates],
        }  # fmt: skip
        arrays["told"] = np.frombuffer(json.dumps(told).encode(), np.uint8)
        stream = io.BytesIO()
        np.savez(stream, **arrays)
        write_atomic(self.path, stream.getvalue())
        self._last = time.monotonic()


def _put(arrays: dict[str, Any], name: str, state: State) -> None:
    for part in _PARTS:
        values: Sequence[Any] = getattr(state, part)
        arrays.update({f"{name}.{part}.{i}": np.asarray(value) for i, value in enumerate(values)})


def _taken(arrays: dict[str, Any], name: str, steps: float) -> State:
    parts: list[list[Any]] = []
    for part in _PARTS:
        head = f"{name}.{part}."
        many = sum(key.startswith(head) for key in arrays)
        parts.append([arrays[f"{head}{i}"] for i in range(many)])
    return State(parts[0], parts[1], parts[2], parts[3], steps)


def _read(told: dict[str, Any], arrays: dict[str, Any]) -> Checkpoint:
    candidates = tuple(
        Candidate(_taken(arrays, f"candidate{i}", steps), score, price, origin)
        for i, (score, price, origin, steps) in enumerate(told["candidates"])
    )
    return Checkpoint(
        told["stage"], told["epoch"], tuple(told["epochs"]), tuple(told["ends"]), arrays["targets"],
        _taken(arrays, "state", told["steps"]), arrays["price"], arrays["ratio"], arrays["start"], arrays["total"],
        candidates, tuple(Row(**row) for row in told["history"]), tuple(told.get("findings", ())),
    )  # fmt: skip
