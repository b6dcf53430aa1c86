"""Sums that fit: weights are made coarser and smaller until the widest sum of each neuron provably has so many bits.

The sum of a neuron adds digit times input, in any order and in any tree, so no partial sum exceeds the digits' l1 norm
weighted with the magnitudes of the inputs. That norm, over the finest step in the layer, is held below 2^(bits - 1).
Source: arXiv 2308.13504 (A2Q: l1 norms bound accumulators); here the norm is of digits, and inputs have own widths.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import Unsupported
from bitwright.search.gradient.state import State, borrowed, stacked, started
from bitwright.train import layers as ql
from bitwright.train.door import keras
from bitwright.train.observe import as_array
from bitwright.train.quantizers import BaseQuantizer, trained_bits
from bitwright.train.wiring import functional_of, readings

__all__ = ["Guard", "accumulator_bits"]

Floats = NDArray[np.float64]
_SUMS = (ql.QDense, ql.QConv1D, ql.QConv2D, ql.QDepthwiseConv2D)
_SAME = (
    "Dropout", "SpatialDropout1D", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "Identity", "MaxPooling1D",
    "MaxPooling2D",
)  # fmt: skip
_FINEST = 24
"""Fraction bits below which no weight has a digit."""
_COARSEST, _FINEST_WEIGHT = -2, 8
"""Places behind the point of the grids that are tried for weights."""
_TRIES = 40
_LESS = 0.97


@dataclass(frozen=True)
class _Reach:
    """What the elements of a tensor can be: their largest magnitudes, and their steps; arrays that broadcast."""

    peak: Floats
    step: Floats

    def per_channel(self) -> _Reach:
        """The same for the last axis alone."""
        axes = tuple(range(self.peak.ndim - 1))
        return _Reach(self.peak.max(axis=axes), self.step.min(axis=axes)) if axes else self


class Guard:
    """Keeps every sum of `model`'s states within `bits`. Arguments as of `Gradient`.

    Raises Unsupported, naming the layer, where a sum reads what no quantizer guards.
    """

    def __init__(self, model: Any, bits: int) -> None:
        self.model, self.bits = model, bits

    def __call__(self, state: State) -> State:
        """The states with coarser and smaller weights where that was needed."""
        held = [self._one(state.pick(run)) for run in range(len(state.trained[0]))]
        return stacked(held)

    def _one(self, state: State) -> State:
        with borrowed(self.model, state):
            for layer, reads in _sums(self.model):
                _fit(layer, reads, self.bits)
            now = started(self.model)
            kept = [[np.array(a) for a in part] for part in (now.trained, now.others)]
        return State(kept[0], kept[1], state.mean, state.square, state.steps)


def accumulator_bits(model: Any) -> dict[str, int]:
    """By the name of each layer with sums: bits, sign included, that hold every one of them in any order of adding."""
    found: dict[str, int] = {}
    for layer, reads in _sums(model):
        norm, unit = _norms(layer, reads)
        found[layer.name] = int(np.ceil(norm.max() / unit)).bit_length() + 1
    return found


def _fit(layer: Any, reads: _Reach, bits: int) -> None:
    """Coarser and smaller weights where the sums are too wide; what nothing makes narrow is zeroed."""
    most, begun = 2.0 ** (bits - 1) - 1, (as_array(_kernel(layer)), as_array(layer.bias) if layer.use_bias else None)
    for attempt in range(_TRIES):
        norm, unit = _norms(layer, reads)
        if (norm <= most * unit).all():
            return
        _assign(layer, *_coarser(layer, reads, begun, most * _LESS**attempt))
    _assign(layer, np.zeros_like(begun[0]), None if begun[1] is None else np.zeros_like(begun[1]))


def _assign(layer: Any, kernel: NDArray[Any], bias: NDArray[Any] | None) -> None:
    _kernel(layer).assign(kernel.astype(np.float32))
    if bias is not None:
        layer.bias.assign(bias.astype(np.float32))


def _coarser(
    layer: Any, reads: _Reach, begun: tuple[NDArray[Any], NDArray[Any] | None], most: float
) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Kernel and bias on the coarser grid, each neuron scaled to `most` steps of it, that lie nearest to `begun`.

    A finer grid needs smaller weights for as many bits: the best of both is found by trying every grid.
    """
    kernel, bias = begun
    peak, step = _as_inputs(layer, reads, kernel.astype(np.float64))
    finest, best = float(step.min()), (np.inf, kernel, bias)
    norms = _per_neuron(layer, np.abs(kernel) * peak)
    norms = norms.sum(axis=tuple(range(norms.ndim - 1))) + (0.0 if bias is None else np.abs(bias)) + _half(layer)
    for places in range(_COARSEST, _FINEST_WEIGHT + 1):
        grid, unit = 2.0**-places, finest * 2.0**-places
        scale = np.minimum(most * unit / np.maximum(norms, 1e-30), 1.0)
        # Toward zero: no weight grows.
        found = np.trunc(kernel * scale.reshape(_last(layer, kernel)) / grid) * grid
        apart = float((np.square(found - kernel) * np.square(peak)).sum())
        if apart < best[0]:
            best = apart, found, None if bias is None else np.trunc(bias * scale / unit) * unit
    return best[1], best[2]


def _norms(layer: Any, reads: _Reach) -> tuple[Floats, float]:
    """(the bound of each neuron's sum as a value, the finest step in the layer)."""
    told = layer.quantized_weights()
    if told["kernel"].scale is not None:
        raise Unsupported(
            "its weights have a scale that is no power of two", where=f"layer '{layer.name}'", remedy="use alpha=1"
        )
    kernel = np.asarray(told["kernel"].z, np.float64)
    peak, step = _as_inputs(layer, reads, kernel)
    codes = np.rint(kernel * 2.0**_FINEST).astype(np.int64)
    weights = _digit_norms(codes) * 2.0**-_FINEST
    norms = _per_neuron(layer, weights * peak)
    total = norms.sum(axis=tuple(range(norms.ndim - 1)))
    bias = np.asarray(told["bias"].z, np.float64) if "bias" in told else np.zeros_like(total)
    live = (codes != 0) & (peak > 0)
    steps = np.where(live, _lowest(codes) * 2.0**-_FINEST * step, np.inf)
    unit = min(float(steps.min()), float(_lowest(np.rint(bias * 2.0**_FINEST).astype(np.int64)).min() * 2.0**-_FINEST))
    return total + np.abs(bias) + _half(layer), unit


def _per_neuron(layer: Any, array: NDArray[Any]) -> NDArray[Any]:
    """An array like the kernel with one last axis for the neurons."""
    return array.reshape(*array.shape[: -len(_last(layer, array))], -1)


def _digit_norms(codes: NDArray[np.int64]) -> Floats:
    """The magnitudes of the signed digits of each code, summed."""
    rest, total = codes.copy(), np.zeros(codes.shape)
    while rest.any():
        low = rest & -rest
        digit = np.where((rest & (low << 1)) != 0, -low, low)
        digit = np.where(rest == 0, 0, digit)
        total += np.abs(digit)
        rest = rest - digit
    return total


def _lowest(codes: NDArray[np.int64]) -> Floats:
    """The lowest power of two in each code; infinite for 0."""
    return np.where(codes != 0, codes & -codes, np.inf)


def _half(layer: Any) -> Floats | float:
    """What rounding adds before the bits below an activation's step are dropped."""
    quantizer = getattr(layer, "activation", None)
    if not isinstance(quantizer, trained_bits):
        return 0.0
    told = _reach(layer, quantizer).per_channel()
    return np.where(told.peak > 0, told.step / 2, 0.0)


def _kernel(layer: Any) -> Any:
    return getattr(layer, layer.roles[0].attribute)


def _last(layer: Any, kernel: NDArray[Any]) -> tuple[int, ...]:
    """The lengths of the kernel's axes that together count the neurons."""
    return tuple(kernel.shape[-int(layer.output_axes) :])


def _as_inputs(layer: Any, reads: _Reach, kernel: Floats) -> tuple[Floats, Floats]:
    """Peaks and steps of the inputs, broadcasting against the kernel; a group reads its own channels."""
    told, channels = reads.per_channel(), kernel.shape[-2:-1]
    if getattr(layer, "groups", 1) > 1 and not isinstance(layer, ql.QDepthwiseConv2D):
        return np.asarray(told.peak.max()), np.asarray(told.step.min())
    return np.broadcast_to(told.peak, channels)[:, None], np.broadcast_to(told.step, channels)[:, None]


def _sums(model: Any) -> Iterator[tuple[Any, _Reach]]:
    """Each layer that adds, with what it reads."""
    network = functional_of(model)
    known: dict[int, _Reach | None] = {id(t): None for t in network.inputs}
    for layer, reads, yields in readings(network):
        given = [known[id(t)] for t in reads]
        if isinstance(layer, _SUMS):
            if given[0] is None:
                raise Unsupported(
                    "the width of its sums cannot be told: it reads values of no known format",
                    where=f"layer '{layer.name}'",
                    remedy="put a bw.QActivation before it, or leave accumulator_bits out",
                )
            yield layer, given[0]
        known.update((id(t), _behind(layer, given, t)) for t in yields)


def _behind(layer: Any, given: list[_Reach | None], tensor: Any) -> _Reach | None:
    """What is known of a layer's output."""
    quantizer = getattr(layer, "quantizer", None) or getattr(layer, "activation", None)
    if isinstance(quantizer, BaseQuantizer):
        return _reach(layer, quantizer)
    told = given[0] if len(given) == 1 else None
    if told is None or type(layer).__name__ in _SAME:
        return told if told is None or not type(layer).__name__.startswith("MaxPooling") else told.per_channel()
    if isinstance(layer, keras.layers.Flatten | keras.layers.Reshape):
        shape, after = tuple(layer.input.shape[1:]), tuple(tensor.shape[1:])
        return _Reach(*(np.broadcast_to(a, shape).reshape(after) for a in (told.peak, told.step)))
    return None


def _reach(layer: Any, quantizer: Any) -> _Reach:
    if isinstance(quantizer, trained_bits):
        return _Reach(*quantizer.reach())
    grid = quantizer.grid()
    if grid is None:
        raise Unsupported(
            f"the format of {quantizer} is not known", where=f"layer '{layer.name}'", remedy="use alpha=1"
        )
    return _Reach(np.array(max(abs(grid.low), abs(grid.high)) * float(grid.step)), np.array(float(grid.step)))
