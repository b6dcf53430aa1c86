"""A search that dies says so: layers that carry nothing any more, and numbers that are none, by name."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel, InvalidValue
from bitwright.search.gradient.state import State, set_weights, started, widths_among
from bitwright.train.health import Ailment, Finding, HealthWarning, check

__all__ = ["Watch", "refuse_bad_data"]

_SAMPLES = 128
_LOWER = "end the descent at a higher price: give Gradient(last=...) more, or a higher limit"
_REMEDIES = {
    Ailment.ZERO_WEIGHTS: f"{_LOWER}; or start with more digits: Gradient(digits=4)",
    Ailment.ZERO_ACTIVATIONS: f"{_LOWER}; or lower learning_rate, if it is dead from the start",
    Ailment.SATURATED_ACTIVATIONS: "give Gradient(activation_bits=...) more, or scale the inputs to unit variance",
    Ailment.DEAD_CHANNELS: "train the float model anew with a lower rate, or search a smaller one: these do nothing",
    Ailment.NO_GRADIENT: "look behind it: lower learning_rate, or give Gradient(activation_bits=...) more",
}
_AT_FIRST = frozenset(_REMEDIES)
_EFFECTS = frozenset({Ailment.NO_GRADIENT})
"""What is told only where no cause is seen."""
_LATER = _AT_FIRST - {Ailment.DEAD_CHANNELS}
"""Channels that die on the way down are what the descent is for."""


class Watch:
    """Looks at models in training; `told` are the findings so far, each layer's ailment once.

    x: training samples, of which a few are used. told: findings of an earlier run of the same search.
    """

    def __init__(self, model: Any, x: NDArray[Any], told: Sequence[str] = ()) -> None:
        self.model, self.x = model, x[:_SAMPLES]
        self.told = list(told)
        trained = zip(model.trainable_variables, widths_among(model), strict=True)
        self._learning = {_layer(variable) for variable, width in trained if not width}
        self._known = {text.partition(" in the ")[0] for text in told}

    def look(self, state: State, where: str, *, first: bool = False, deep: bool = True) -> None:
        """Check one model; warns of what is new. where: stage and epoch. deep: with a pass over the samples."""
        before = started(self.model)
        try:
            set_weights(self.model, state)
            found = check(self.model, self.x if deep else None)
        finally:
            set_weights(self.model, before)
        causes = [finding for finding in found if finding.ailment in (_AT_FIRST if first else _LATER) - _EFFECTS]
        # A layer of nothing but widths learns from the price, which samples do not show.
        effects = [finding for finding in found if finding.ailment in _EFFECTS and finding.layer in self._learning]
        for finding in causes or effects:
            self._tell(finding, where)

    def _tell(self, finding: Finding, where: str) -> None:
        key = f"layer '{finding.layer}', {finding.ailment.value}"
        if key in self._known:
            return
        self._known.add(key)
        text = f"{key} in the {where}: {finding.what}\ntry: {_REMEDIES[finding.ailment]}"
        self.told.append(text)
        warnings.warn(text, HealthWarning, stacklevel=4)

    def no_number(self, loss: float, state: State, where: str) -> InvalidModel:
        """The error for a loss that is no number; it names the layers whose weights are none either."""
        pairs = list(zip(self.model.trainable_variables, state.trained, strict=True))
        layers = dict.fromkeys(_layer(variable) for variable, _ in pairs)
        bad = dict.fromkeys(_layer(v) for v, value in pairs if not np.isfinite(np.asarray(value)).all())
        named = "those of every layer" if len(bad) == len(layers) else ", ".join(f"layer '{name}'" for name in bad)
        return InvalidModel(
            f"the loss is {loss} in the {where}",
            where=f"model '{self.model.name}'",
            why=f"weights that are no numbers: {named or 'none, the loss itself overflows'}",
            remedy="lower learning_rate, or scale the inputs to unit variance",
        )


def _layer(variable: Any) -> str:
    return str(variable.path).split("/")[0]


def refuse_bad_data(x: NDArray[Any], y: NDArray[Any]) -> None:
    """Raises InvalidValue where inputs or labels hold NaN or infinity, with how many and where the first is."""
    for name, part in (("inputs", x), ("labels", y)):
        bad = ~np.isfinite(part) if part.dtype.kind == "f" else np.zeros(1, bool)
        if bad.any():
            first = tuple(int(n) for n in np.argwhere(bad)[0])
            raise InvalidValue(
                f"{int(bad.sum())} of the training {name} are NaN or infinite, the first at {first}",
                where="search",
                remedy="clean the data: x[np.isfinite(x).all(axis=1)]",
            )
