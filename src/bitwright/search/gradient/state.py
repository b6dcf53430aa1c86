"""The variables of models in training as plain arrays: values that can be stacked, kept and written down."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.train.quantizers import TrainedWidths
from bitwright.train.quantizers.held import quantizers_in

__all__ = ["State", "borrowed", "set_weights", "stacked", "started", "widths_among"]

Arrays = list[Any]


@dataclass(frozen=True)
class State:
    """Variables of one model, or of several with a leading axis: trained ones, others, and Adam's two means."""

    trained: Arrays
    others: Arrays
    mean: Arrays
    square: Arrays
    steps: float = 0.0

    def pick(self, index: int) -> State:
        """Model `index` of several, as numpy arrays."""

        def one(part: Arrays) -> Arrays:
            return [np.asarray(a[index]) for a in part]

        return State(one(self.trained), one(self.others), one(self.mean), one(self.square), float(self.steps))

    def bare(self) -> State:
        """The same variables without Adam's means."""
        return State(self.trained, self.others, [], [])

    def fresh(self) -> State:
        """The same variables, Adam beginning anew."""
        zeros = [np.zeros_like(np.asarray(a)) for a in self.trained]
        return State(self.trained, self.others, zeros, [z.copy() for z in zeros])


def started(model: Any) -> State:
    """The variables of `model` as they are."""
    trained = [np.asarray(v.numpy() if hasattr(v, "numpy") else v) for v in model.trainable_variables]
    others = [np.asarray(v.numpy() if hasattr(v, "numpy") else v) for v in model.non_trainable_variables]
    return State(trained, others, [], []).fresh()


def stacked(states: Sequence[State]) -> State:
    """Several models as one, with a leading axis."""
    first = states[0]
    parts: list[Arrays] = []
    for name in ("trained", "others", "mean", "square"):
        parts.append([np.stack(items) for items in zip(*(getattr(s, name) for s in states), strict=True)])
    return State(parts[0], parts[1], parts[2], parts[3], first.steps)


def set_weights(model: Any, state: State) -> Any:
    """Give `model` the variables of one state; returns it."""
    for variable, value in zip(model.trainable_variables, state.trained, strict=True):
        variable.assign(value)
    for variable, value in zip(model.non_trainable_variables, state.others, strict=True):
        variable.assign(value)
    return model


@contextmanager
def borrowed(model: Any, state: State) -> Generator[None]:
    """`model` with the variables of one state, for a while; then it has its own again."""
    own = started(model)
    # A copy: what a backend lends as an array may be the variable's own memory.
    own = State([a.copy() for a in own.trained], [a.copy() for a in own.others], [], [])
    try:
        set_weights(model, state)
        yield
    finally:
        set_weights(model, own)


def widths_among(model: Any) -> NDArray[np.bool_]:
    """Which of the trained variables are widths of quantizers."""
    held = {id(v) for q in quantizers_in(model) if isinstance(q, TrainedWidths) for v in q.trained.values()}
    return np.array([id(v) in held for v in model.trainable_variables])
