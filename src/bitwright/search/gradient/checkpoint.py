"""Where a gradient search stands, on disk: written at epoch boundaries, whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.search.checkpoint import CheckpointFile, Row
from bitwright.search.gradient.archive import Candidate
from bitwright.search.gradient.state import State

__all__ = ["Checkpoint", "Place"]

_FILE = "gradient.npz"
_ARRAYS = ("targets", "price", "ratio", "start", "total")
_PARTS = ("trained", "others", "mean", "square")


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


class Place(CheckpointFile):
    """The file of a gradient search; `fingerprint` names model, data and options."""

    def __init__(self, folder: Path | None, fingerprint: str) -> None:
        super().__init__(folder, _FILE, fingerprint)

    def read(self) -> Checkpoint | None:
        """Where the search stood; None if it begins here."""
        found = self.load()
        return None if found is None else _read(*found)

    def write(self, point: Checkpoint) -> None:
        """Keep `point`, if the last one is old enough."""
        if not self.due:
            return
        arrays: dict[str, Any] = {name: getattr(point, name) for name in _ARRAYS}
        _put(arrays, "state", point.state)
        for index, candidate in enumerate(point.candidates):
            _put(arrays, f"candidate{index}", candidate.state)
        told = {
            "stage": point.stage, "epoch": point.epoch, "epochs": point.epochs,
            "ends": point.ends, "steps": float(point.state.steps), "history": [asdict(row) for row in point.history],
            "findings": point.findings,
            "candidates": [(c.score, c.price, c.origin, float(c.state.steps)) for c in point.candidates],
        }  # fmt: skip
        self.store(arrays, told)


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


def _read(arrays: dict[str, NDArray[Any]], told: dict[str, Any]) -> Checkpoint:
    candidates = tuple(
        Candidate(_taken(arrays, f"candidate{i}", steps), score, price, origin)
        for i, (score, price, origin, steps) in enumerate(told["candidates"])
    )
    return Checkpoint(
        told["stage"], told["epoch"], tuple(told["epochs"]), tuple(told["ends"]), arrays["targets"],
        _taken(arrays, "state", told["steps"]), arrays["price"], arrays["ratio"], arrays["start"], arrays["total"],
        candidates, tuple(Row(**row) for row in told["history"]), tuple(told.get("findings", ())),
    )  # fmt: skip
