"""`calibrate`: the ranges of activation quantizers from data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel, InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.layers import QAdaptiveActivation
from bitwright.train.observe import as_array, layers_of, observe
from bitwright.train.quantizers import get_integer_bits
from bitwright.train.ranges import fitting
from bitwright.train.rewrite import plain_config, rebuilt, same

__all__ = ["calibrate", "settle_ranges"]

_KEPT = 1 << 16
_WIDE = 22
_NARROWER = 6

Method = str | float


def calibrate(model: Any, x: Any, method: Method = "mse", *, batch_size: int = 256) -> Any:
    """`model` with the integer bits of its activation quantizers set from the samples `x`; widths stay.

    method: "mse" (the least squared error), "max" (nothing is clipped) or a percentile such as 99.9
    (of magnitudes, which are not clipped). The samples pass unrounded through the activations, so
    that ranges that are wrong now do no harm. Quantizers that find their scale themselves, or whose
    range is fixed (tanh, sigmoid, binary, powers of two), stay as they are; QAdaptiveActivation gets
    its averages set. Returns a new model with the same weights; `model` is not changed.

    Raises InvalidModel when an activation is no number, InvalidValue for an unknown method.
    """
    choose = _chooser(method)
    seen = _collect(model, x, batch_size)
    fresh: dict[int, Any] = {}
    for key, one in seen.items():
        if not isinstance(one.layer, QAdaptiveActivation):
            fresh[key] = _with(one.quantizer, integer=choose(one))
    made = rebuilt(model, lambda layer: _renewed(layer, fresh))
    result = made.carry_weights()
    for old, new in made.pairs:
        if isinstance(new, QAdaptiveActivation) and id(old) in seen:
            _set_averages(new, seen[id(old)])
    return result


@dataclass
class _Seen:
    """What one quantizer was given: a sample of the values, with the least and the greatest among them."""

    layer: Any
    quantizer: Any
    parts: list[NDArray[np.float32]] = field(default_factory=list[NDArray[np.float32]])
    ends: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = field(default_factory=list[Any])

    @property
    def values(self) -> NDArray[np.float32]:
        return np.concatenate(self.parts)

    def add(self, given: NDArray[np.float32]) -> None:
        if not np.isfinite(given).all():
            raise InvalidModel(
                "it is given NaN or infinity", where=f"layer '{self.layer.name}'", remedy="train with a lower rate"
            )
        flat = given.ravel()
        every = max(1, flat.size // _KEPT)
        self.parts.append(np.concatenate([flat[::every], [flat.min(), flat.max()]]).astype(np.float32))
        channels = given.reshape(-1, given.shape[-1])
        self.ends.append((channels.min(axis=0), channels.max(axis=0)))


def _collect(model: Any, x: Any, batch_size: int) -> dict[int, _Seen]:
    """By the layer's id: what its activation quantizer is given when nothing before it is rounded."""
    seen: dict[int, _Seen] = {}

    def listen(layer: Any, quantizer: Any, given: Any, out: Any) -> Any:
        if quantizer is None or not _has_range(quantizer):
            return None
        seen.setdefault(id(layer), _Seen(layer, quantizer)).add(as_array(given))
        return _unrounded(quantizer, given)

    arrays = keras.tree.flatten(x)
    if not arrays or len(arrays[0]) == 0:
        raise InvalidValue("no samples", where="calibrate", remedy="give a few hundred inputs of the training data")
    for start in range(0, len(arrays[0]), batch_size):
        part = slice(start, start + batch_size)
        observe(model, keras.tree.map_structure(lambda a, part=part: np.asarray(a)[part], x), listen)
    return seen


def _has_range(quantizer: Any) -> bool:
    """Whether integer bits alone say how far its values reach."""
    plain = getattr(quantizer, "alpha", None) in (None, 1) and not getattr(quantizer, "use_sigmoid", False)
    return plain and hasattr(quantizer, "integer") and hasattr(quantizer, "bits") and not hasattr(quantizer, "u")


def _with(quantizer: Any, **settings: Any) -> Any:
    return type(quantizer).from_config({**quantizer.get_config(), **settings})


def _unrounded(quantizer: Any, given: Any) -> Any:
    """The quantizer's function with steps so fine, and a range so wide, that it neither rounds nor clips."""
    top = float(np.abs(as_array(given)).max(initial=0.0))
    integer = int(np.ceil(np.log2(max(top, 1e-6)))) + 1
    return _with(getattr(quantizer, "still", quantizer), bits=_WIDE, integer=integer, qnoise_factor=1.0)(given)


# ---- choosing ----------------------------------------------------------------------------------------


def _chooser(method: Method) -> Callable[[_Seen], int]:
    if method == "mse":
        return _least_error
    if method == "max":
        return lambda one: _reaching(one, 100.0)
    if isinstance(method, int | float) and 0 < method <= 100:
        return lambda one: _reaching(one, float(method))
    raise InvalidValue(f"method={method!r}", where="calibrate", remedy="use 'mse', 'max' or a percentile such as 99.9")


def _outputs(one: _Seen) -> NDArray[np.float32]:
    """What the quantizer's function would yield without rounding."""
    return as_array(_unrounded(one.quantizer, ops.convert_to_tensor(one.values)))


def _reaching(one: _Seen, percentile: float) -> int:
    """The fewest integer bits that hold the given share of magnitudes."""
    size = np.abs(_outputs(one))
    if not size.any():
        return int(one.quantizer.integer)
    return fitting(np.array([np.percentile(size[size > 0], percentile)]), _magnitude_bits(one.quantizer) + 1)


def _magnitude_bits(quantizer: Any) -> int:
    """Bits besides the sign."""
    signed = getattr(quantizer, "keep_negative", bool(getattr(quantizer, "negative_slope", 0)))
    return max(1, quantizer.bits - bool(signed))


def _least_error(one: _Seen) -> int:
    most, wanted = _reaching(one, 100.0), _outputs(one)
    values = ops.convert_to_tensor(one.values)

    def error(integer: int) -> float:
        return float(((as_array(_with(one.quantizer, integer=integer)(values)) - wanted) ** 2).sum())

    return min(range(most, most - _NARROWER, -1), key=error)


# ---- the new model -----------------------------------------------------------------------------------


def _renewed(layer: Any, fresh: dict[int, Any]) -> Any:
    if id(layer) not in fresh:
        return same(layer)
    return type(layer).from_config({**plain_config(layer), "activation": fresh[id(layer)]})


def _set_averages(layer: Any, one: _Seen) -> None:
    """The averages of a QAdaptiveActivation as if training had settled on these samples."""
    low, high = np.min([low for low, _ in one.ends], axis=0), np.max([high for _, high in one.ends], axis=0)
    if not layer.per_channel:
        low, high = low.min(keepdims=True), high.max(keepdims=True)
    least, greatest = as_array(layer.quantizer.parts(np.stack([low, high])).through)
    layer.ema_min.assign(least)
    layer.ema_max.assign(greatest)
    _settle(layer)


def settle_ranges(model: Any) -> None:
    """Set the integer bits of every QAdaptiveActivation in `model` by the averages that it holds."""
    for layer in layers_of(model):
        if isinstance(layer, QAdaptiveActivation):
            _settle(layer)


def _settle(layer: Any) -> None:
    bits = get_integer_bits(
        as_array(layer.ema_min), as_array(layer.ema_max), layer.total_bits, layer.symmetric, layer.keep_negative,
        is_clipping=layer.po2_rounding,
    )  # fmt: skip
    layer.integer.assign(ops.cast(bits, "int32"))
