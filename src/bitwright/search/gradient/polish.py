"""The last digits: taken from a trained model one at a time, where loss and price together fall by it.

Training moves digits by what their gradients promise. Of those it leaves in a model, some make the loss no smaller, and
some make it larger; here the loss itself is asked, on some of the training samples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bitwright.search.gradient.interface import Engine, Loss
from bitwright.search.gradient.state import State, borrowed, stacked
from bitwright.train.door import ops
from bitwright.train.layers.base import Quantized
from bitwright.train.observe import as_array
from bitwright.train.quantizers import trained_digits

__all__ = ["Polish", "Polished"]

Floats = NDArray[np.float64]
_SAMPLES = 16384
_ROUNDS = 3
"""Each looks at half as many digits as the one before, at those that were nearest to going."""
_TRIES = 64
"""Digits of a round that are taken at most: each of them changes what the others are worth."""
_AT_ONCE = 8
_LEAST = 16
"""Digits to look at below which there is too little to choose from."""
_PRICED = 16
"""Of how many digits, for each that is looked at, the price is asked: most may belong to inputs without bits."""


class _Digit(NamedTuple):
    """An entry of a variable that says how many digits weights take: which, where, and how many one fewer are."""

    variable: int
    entry: int
    fewer: float


@dataclass(frozen=True)
class Polished:
    """A model's state without the digits that went, how many those were, its loss on the samples and its price."""

    state: State
    taken: int
    loss: float
    price: float


class Polish:
    """Takes digits from states of `model`, which `engine` evaluates.

    data: inputs, labels, teacher's outputs or None; up to 16384 samples of them, drawn with `seed`, are asked.
    work: samples through the network that it may take for each model, in round numbers.
    """

    def __init__(
        self, model: Any, engine: Engine, loss: Loss, data: tuple[Any, Any, Any], work: float, seed: int
    ) -> None:
        self.model, self.engine, self.loss, self.seed = model, engine, loss, seed
        chosen = np.sort(np.random.default_rng((seed, 5)).permutation(len(data[0]))[:_SAMPLES])
        self.x = np.asarray(data[0])[chosen]
        self.told = [None if part is None else ops.convert_to_tensor(np.asarray(part)[chosen]) for part in data[1:]]
        self.many = int(work / len(chosen) / sum(0.5**turn for turn in range(_ROUNDS)))
        self.variables = list(_counters(model))

    @property
    def idle(self) -> bool:
        """Whether there is too little work, or nothing that it knows how to take away."""
        return self.many < _LEAST or not self.variables

    def __call__(self, state: State, beta: float, number: int) -> Polished:
        """One model, whose price weighs `beta` in the loss; `number` tells it from others in random draws."""
        rng, state = np.random.default_rng((self.seed, 6, number)), state.bare()
        (loss,), (price,) = self._asked(stacked([state]))
        drawn, taken = self._digits(state), 0
        digits = self._priced(state, price, [drawn[at] for at in rng.permutation(len(drawn))])
        for turn in range(_ROUNDS):
            totals = np.concatenate([self._total(state, group, beta) for group in _groups(digits)] or [np.zeros(0)])
            order, begun, kept = np.argsort(totals, kind="stable"), loss + beta * price, 0
            for at in order[:_TRIES]:
                if totals[at] >= begun:
                    break
                without = _without(state, [digits[at]])
                (found,), (cheaper,) = self._asked(without)
                if found + beta * cheaper < loss + beta * price:
                    state, loss, price, kept = without.pick(0).bare(), found, cheaper, kept + 1
            taken += kept
            if not kept or turn + 1 == _ROUNDS:
                break
            near = {digits[at][:2] for at in order[: self.many >> (turn + 1)]}
            digits = self._priced(state, price, [digit for digit in self._digits(state) if digit[:2] in near])
        return Polished(state, taken, float(loss), float(price))

    def _digits(self, state: State) -> list[_Digit]:
        """Every entry that has a digit to lose."""
        found: list[_Digit] = []
        with borrowed(self.model, state):
            for index, layer, quantizer in self.variables:
                shape = tuple(quantizer.trained["digits"].shape)
                used = as_array(quantizer.counts(layer.kernel)).reshape(-1, *shape).max(axis=0).ravel()
                found.extend(_Digit(index, int(at), float(used[at] - 1)) for at in np.flatnonzero(used > 0))
        return found

    def _priced(self, state: State, price: float, digits: list[_Digit]) -> list[_Digit]:
        """The first of `digits` without which the price is lower, as many as are looked at."""
        cheaper: list[_Digit] = []
        for group in _groups(digits[: self.many * _PRICED]):
            prices = self.engine.prices(_without(state, group))
            cheaper.extend(digit for digit, found in zip(group, prices, strict=False) if found < price)
            if len(cheaper) >= self.many:
                break
        return cheaper[: self.many]

    def _total(self, state: State, group: Sequence[_Digit], beta: float) -> Floats:
        """Loss and price together without each of the digits."""
        losses, prices = self._asked(_without(state, group))
        return (losses + beta * prices)[: len(group)]

    def _asked(self, state: State) -> tuple[Floats, Floats]:
        """(losses, prices) of models."""
        outputs = self.engine.outputs(state, self.x)
        losses = [float(ops.convert_to_numpy(self.loss(ops.convert_to_tensor(o), *self.told))) for o in outputs]
        return np.array(losses), self.engine.prices(state)


def _counters(model: Any) -> Iterator[tuple[int, Any, trained_digits]]:
    """(position among the trained variables, layer, quantizer) wherever digits of weights are trained."""
    places = {id(variable): at for at, variable in enumerate(model.trainable_variables)}
    for layer in model.layers:
        quantizer = layer.get_quantizers()[0] if isinstance(layer, Quantized) and hasattr(layer, "kernel") else None
        if isinstance(quantizer, trained_digits) and id(quantizer.trained.get("digits")) in places:
            yield places[id(quantizer.trained["digits"])], layer, quantizer


def _groups(digits: Sequence[_Digit]) -> Iterator[list[_Digit]]:
    """As many as are looked at side by side."""
    for at in range(0, len(digits), _AT_ONCE):
        yield list(digits[at : at + _AT_ONCE])


def _without(state: State, group: Sequence[_Digit]) -> State:
    """Copies of a model, each with one of the digits less; a short group is filled up, as JAX compiles every length."""
    filled = list(group) + [group[-1]] * (_AT_ONCE - len(group) if len(group) > 1 else 0)
    copies = stacked([state] * len(filled))
    for run, digit in enumerate(filled):
        copies.trained[digit.variable].reshape(len(filled), -1)[run, digit.entry] = digit.fewer
    return copies
