"""The same scores from gradients: what a small change of a tensor does to the outputs, to second order.

With p(y) the model's class probabilities and g = d log p(y) / d tensor for a y drawn from them, a change d
of the tensor moves the outputs by a divergence of E[(g . d)^2] / 2 (the Fisher information). One gradient
per sample then serves all widths. For outputs that are no probabilities, y is a random sign per output and
E[(g . d)^2] the squared error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import Unsupported
from bitwright.search.sensitivity.options import Sensitivity
from bitwright.search.sensitivity.probe import Probe
from bitwright.search.sensitivity.scores import flat_outputs
from bitwright.train.door import keras, ops
from bitwright.train.gradients import gradients

__all__ = ["fisher_scores"]

Floats = NDArray[np.float32]
_CHUNK = 16
_TINY = 1e-12


def fisher_scores(probe: Probe, kind: str, options: Sensitivity) -> dict[str, dict[str, float]]:
    """By "weights NAME" and "activations NAME": the estimated score by width, for sites that the probe can switch.

    probe: made with shifts, on the samples to be used. kind: "mse", or anything else for the divergence.
    Raises Unsupported for several outputs or inputs.
    """
    x = np.asarray(keras.tree.flatten(probe.x)[0])
    if len(probe.model.outputs) != 1 or len(probe.model.inputs) != 1:
        raise Unsupported(
            "several inputs or outputs", where="Sensitivity(method='fisher')", remedy="use method='runs'"
        )
    outputs = flat_outputs(probe.outputs())[0]
    rng = np.random.default_rng(options.seed)
    y = _signs(outputs, rng) if kind == "mse" else _drawn(outputs, rng)
    factor = 1.0 / (outputs[0].size * (float(outputs.var()) or 1.0)) if kind == "mse" else 0.5
    moved, compute = _Moves(probe), _per_sample(probe.model, kind == "mse")
    sums: dict[str, dict[str, float]] = {}
    for start in range(0, len(x), _CHUNK):
        part = slice(start, start + _CHUNK)
        for name, row in moved.along(compute(x[part], y[part]), part).items():
            kept = sums.setdefault(name, {})
            for width, total in row.items():
                kept[width] = kept.get(width, 0.0) + factor * total / len(x)
    return sums


def _drawn(p: NDArray[np.float64], rng: np.random.Generator) -> Floats:
    """One class per sample (and position), drawn from p, as ones and zeros of p's shape."""
    thresholds = rng.random((*p.shape[:-1], 1))
    at = np.minimum((p.cumsum(axis=-1) < thresholds * p.sum(axis=-1, keepdims=True)).sum(axis=-1), p.shape[-1] - 1)
    return np.eye(p.shape[-1], dtype=np.float32)[at]


def _signs(outputs: NDArray[np.float64], rng: np.random.Generator) -> Floats:
    return rng.choice(np.array([-1.0, 1.0], np.float32), outputs.shape)


class _Moves:
    """The change that each width makes to each tensor, and which gradient belongs to it."""

    def __init__(self, probe: Probe) -> None:
        self.at = {id(variable): at for at, variable in enumerate(probe.model.trainable_variables)}
        self.weights = {
            name: {str(w): self._changes(probe, name, w) for w in probe.options.weights}
            for name in probe.values[probe.options.weights[0]]
        }
        self.activations = {name: self._rounding(probe, name) for name in probe.switches}

    def along(self, found: list[Floats], part: slice) -> dict[str, dict[str, float]]:
        """The sums over the samples of (gradient . change) squared."""
        rows: dict[str, dict[str, float]] = {}
        for name, widths in self.weights.items():
            rows[f"weights {name}"] = {
                width: float((np.sum([_dot(found[at], change[None]) for at, change in changes], axis=0) ** 2).sum())
                for width, changes in widths.items()
            }
        for name, (at, widths) in self.activations.items():
            rows[f"activations {name}"] = {
                width: float((_dot(found[at], change[part]) ** 2).sum()) for width, change in widths.items()
            }
        return rows

    def _changes(self, probe: Probe, name: str, width: int) -> list[tuple[int, Floats]]:
        values = probe.values[width][name]
        pairs = [(variable, values[attribute]) for attribute, variable in probe.variables(name).items()]
        return [(self.at[id(v)], value - np.asarray(ops.convert_to_numpy(v))) for v, value in pairs if id(v) in self.at]

    def _rounding(self, probe: Probe, name: str) -> tuple[int, dict[str, Floats]]:
        if len(probe.switches[name]) != 1:
            raise Unsupported("a site of several places", where=f"layer '{name}'", remedy="use method='runs'")
        switch = probe.switches[name][0]
        seen = probe.seen(switch)
        plain = _applied(switch.functions[0], seen)
        widths = zip(probe.quantizers[name], switch.functions[1:], strict=True)
        return self.at[id(switch.shift)], {str(width): _applied(q, seen) - plain for width, q in widths}


def _applied(function: Any, values: Floats) -> Floats:
    return np.asarray(ops.convert_to_numpy(function(ops.convert_to_tensor(values))), np.float32)


def _dot(gradient: Floats, change: Floats) -> NDArray[np.float64]:
    """The inner product of each sample's gradient with the change."""
    product = np.asarray(gradient, np.float64) * change
    return product.reshape(len(gradient), -1).sum(axis=1)


def _per_sample(model: Any, signed: bool) -> Callable[[Floats, Floats], list[Floats]]:
    """The function from samples and targets to gradients: by trainable variable, (samples, *shape)."""
    loss = _signed_sum if signed else _log_likelihood
    if keras.backend.backend() == "jax":
        return _vectorized(model, loss)
    model.compile(loss=loss)

    def compute(x: Floats, y: Floats) -> list[Floats]:
        rows = [gradients(model, x[at : at + 1], y[at : at + 1]) for at in range(len(x))]
        return [np.stack(parts) for parts in zip(*rows, strict=True)]

    return compute


def _vectorized(model: Any, loss: Callable[[Any, Any], Any]) -> Callable[[Floats, Floats], list[Floats]]:
    """All samples of a chunk in one compiled step."""
    import jax

    variables = model.trainable_variables

    def one(values: Any, sample: Any, target: Any) -> Any:
        with keras.StatelessScope(state_mapping=list(zip(variables, values, strict=True))):
            return loss(target[None], model(sample[None], training=False))

    compute = jax.jit(jax.vmap(jax.grad(one), in_axes=(None, 0, 0)))
    return lambda x, y: [np.asarray(part) for part in compute([v.value for v in variables], x, y)]


def _log_likelihood(y_true: Any, y_pred: Any) -> Any:
    return ops.sum(y_true * ops.log(y_pred + _TINY))


def _signed_sum(y_true: Any, y_pred: Any) -> Any:
    return ops.sum(y_true * y_pred)
