"""Masks: which weights are 0, held through every optimizer step on every backend."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.pruning.weights import Bools, Floats

__all__ = ["Holding", "Pruned", "assigned", "replaced"]


@dataclass(frozen=True)
class Pruned:
    """By weight ("fc1/kernel"): `masks`, True where a weight stays, and `dense`, what the others were when they went.

    Biases and normalizations that went with neurons are there under their own names. `dense` is 0
    where the mask is True.
    """

    masks: Mapping[str, Bools] = field(default_factory=dict[str, Bools])
    dense: Mapping[str, Floats] = field(default_factory=dict[str, Floats])

    @property
    def share(self) -> float:
        """The part of all these weights that is pruned."""
        size = sum(mask.size for mask in self.masks.values())
        return sum(int((~mask).sum()) for mask in self.masks.values()) / size if size else 0.0

    def renewed(self, name: str, mask: Bools, values: Floats) -> Pruned:
        """With another mask for one weight, of which `values` are at the moment, before it is applied."""
        before = self.masks.get(name, np.ones(mask.shape, np.bool_))
        gone = np.where(before, values, self.dense.get(name, values))
        dense = np.where(mask, np.float32(0), gone).astype(np.float32)
        return Pruned({**self.masks, name: mask}, {**self.dense, name: dense})


class _Held(keras.constraints.Constraint):
    """What the optimizer calls after each step: the weight's own constraint, then zeros."""

    def __init__(self, mask: Any, before: Any) -> None:
        self.mask, self.before = mask, before

    def __call__(self, w: Any) -> Any:
        kept = w if self.before is None else self.before(w)
        kept = ops.convert_to_tensor(kept)
        return ops.where(ops.convert_to_tensor(self.mask), kept, ops.zeros_like(kept))


class Holding:
    """Puts masks on variables as constraints, so that compiled steps apply them, and takes them off again.

    Under JAX a compiled optimizer step sees no variables but the optimizer's own: while held, masks
    count among these, but are not saved with them.
    """

    def __init__(self) -> None:
        self._masks: dict[str, tuple[Any, Any]] = {}
        self._optimizer: Any = None
        self._hooks: tuple[str, ...] = ()

    def hold(self, optimizer: Any, variables: Mapping[str, Any], masks: Mapping[str, Bools]) -> None:
        """From now on, keep each variable 0 where its mask is False; at once, too."""
        for name, variable in variables.items():
            told = masks.get(name, np.ones(tuple(variable.shape), np.bool_))
            if told.shape != tuple(variable.shape):
                raise InvalidValue(
                    f"a mask of shape {told.shape} for '{name}' of shape {tuple(variable.shape)}",
                    where="Prune",
                    remedy="give the state that a run of the same model left",
                )
            mask = keras.Variable(told, dtype="bool", trainable=False, name="pruning_mask")
            self._masks[name] = variable, mask
            variable.constraint = _Held(mask, variable.constraint)
        if keras.backend.backend() == "jax":
            self._track(getattr(optimizer, "inner_optimizer", optimizer))
        self.enforce()

    def renew(self, name: str, mask: Bools) -> None:
        """Another mask for one variable, applied at once."""
        variable, held = self._masks[name]
        held.assign(mask)
        assigned(variable, np.where(mask, _array(variable), np.float32(0)))

    def enforce(self) -> None:
        """Apply the masks once more: averaged weights (use_ema) come past the constraints."""
        for variable, mask in self._masks.values():
            assigned(variable, np.where(_array(mask), _array(variable), np.float32(0)))

    def release(self) -> None:
        """Take everything off again; the zeros stay."""
        for variable, mask in self._masks.values():
            variable.constraint = _without(variable.constraint, mask)
        if self._optimizer is not None:
            self._untrack()
            for hook in self._hooks:
                vars(self._optimizer).pop(hook, None)
        self._masks, self._optimizer, self._hooks = {}, None, ()

    def _track(self, optimizer: Any) -> None:
        self._optimizer = optimizer
        # Another holding may have hooked in already: then these hooks call its.
        for hook in ("save_own_variables", "load_own_variables"):
            vars(optimizer)[hook] = self._hidden(getattr(optimizer, hook))
            self._hooks += (hook,)
        for _, mask in self._masks.values():
            optimizer._track_variable(mask)

    def _untrack(self) -> None:
        for _, mask in self._masks.values():
            self._optimizer._tracker.untrack(mask)

    def _hidden(self, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """`function`, for which the optimizer has no masks."""

        def call(store: Any) -> Any:
            self._untrack()
            try:
                return function(store)
            finally:
                for _, mask in self._masks.values():
                    self._optimizer._track_variable(mask)

        return call


@contextmanager
def replaced(variables: Iterable[tuple[Any, Floats]]) -> Generator[None]:
    """Within the context the variables have these values."""
    kept: list[tuple[Any, Any]] = []
    try:
        for variable, values in variables:
            kept.append((variable, _array(variable)))
            assigned(variable, values)
        yield
    finally:
        for variable, values in reversed(kept):
            assigned(variable, values)


def assigned(variable: Any, values: Floats) -> None:
    """Give `variable` these values in its own type."""
    variable.assign(ops.cast(ops.convert_to_tensor(values), variable.dtype))


def _array(variable: Any) -> Any:
    return np.array(ops.convert_to_numpy(variable.value))


def _without(constraint: Any, mask: Any) -> Any:
    """The chain of constraints without the link that holds `mask`."""
    if not isinstance(constraint, _Held):
        return constraint
    if constraint.mask is mask:
        return constraint.before
    return _Held(constraint.mask, _without(constraint.before, mask))
