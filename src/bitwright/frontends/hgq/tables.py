"""`QDenseT` (HGQ-LUT): the small network between every pair of input and output, as a table over its input's codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import Unsupported
from bitwright.frontends.hgq.formats import Formats
from bitwright.frontends.hgq.part import Part
from bitwright.train.door import keras, ops
from bitwright.train.layers import QEdgeTables

__all__ = ["table_layer"]

Floats = NDArray[np.float32]
_WIDEST = 14
_COARSE = 12


def table_layer(part: Part) -> Any:
    """The layer with every table computed: entry = formats(network(code * step)) of its pair.

    A pair whose only bit stands at 2**12 or more reads 0: no input within +-2**11 says otherwise.
    """
    given, entry = part.formats("iq"), part.formats("toq", part.config["toq_conf"])
    if given is None or entry is None:
        raise Unsupported("table neurons without quantizers", where=part.where, remedy="give iq_conf and toq_conf")
    if len(part.shapes[0]) > 1:
        raise Unsupported(
            f"table neurons on samples of the shape {part.shapes[0]}", where=part.where,
            why="they have formats and tables for every place", remedy="flatten before it, or use QDense",
        )  # fmt: skip
    given = _without(given, (given.integer + given.fraction == 0) & (given.fraction <= -_COARSE))
    width = int((given.sign + given.integer + given.fraction).max())
    if width > _WIDEST:
        raise Unsupported(
            f"a table of {width} address bits",
            where=part.where,
            why=f"at most {_WIDEST} are read",
            remedy="train it with fewer bits of input",
        )
    size = 1 << max(width, 0)
    tables = entry(_network(part, _inputs(given, size)))
    given = _without(given, (tables == tables[:1]).all(axis=0, keepdims=True))
    units = int(part.config["n_out"])
    made = QEdgeTables(units, size, given.rounding, given.overflow, name=part.name)
    made.build((None, *part.shapes[0]))
    made.quantizer.set_formats(*(a[0] for a in (given.sign, given.integer, given.fraction)))
    made.set_tables(tables.transpose(1, 2, 0), np.zeros(units, np.float32))
    activation = part.activation()
    if activation is None:
        return made
    after = keras.layers.Activation(activation, name=f"{part.name}_activation")
    return lambda tensor: after(made(tensor))


def _without(given: Formats, idle: NDArray[np.bool_]) -> Formats:
    """The formats with no bits where the table does not ask for any."""
    sign, integer, fraction = (np.where(idle, 0, a) for a in (given.sign, given.integer, given.fraction))
    return Formats(sign, integer, fraction, given.rounding, given.overflow)


def _inputs(given: Formats, size: int) -> Floats:
    """(size, inputs, units): the values of a pair's codes from the lowest up; the last one repeats."""
    width = given.sign + given.integer + given.fraction
    low = np.where((given.sign > 0) & given.live, -(1 << np.maximum(width - 1, 0)), 0)
    high = low + np.where(given.live, 1 << np.maximum(width, 0), 1) - 1
    if given.overflow.value == "saturate_symmetric":
        low = np.maximum(low, -high)
    codes = np.minimum(low + np.arange(size).reshape(-1, 1, 1), high)
    return (codes * np.exp2(-given.fraction.astype(np.float64))).astype(np.float32)


def _network(part: Part, x: Floats) -> Floats:
    """The network of each pair, normalized as a sum of all inputs would be, on (samples, inputs, units) values."""
    inner = keras.activations.get(part.activation("subnn_activation") or "linear")
    places = sorted((p for p in part.arrays if p.startswith("module/layers/einsum_dense")), key=_number)
    value: Any = ops.expand_dims(ops.convert_to_tensor(x), -1)
    for place in places[:-1]:
        kernel, *bias = part.weights(place)
        value = ops.einsum("...iuc,iucd->...iud", value, ops.convert_to_tensor(kernel))
        value = inner(value + ops.convert_to_tensor(bias[0]) if bias else value)
    kernel, *bias = part.weights(places[-1])
    value = ops.einsum("...iuc,iuc->...iu", value, ops.convert_to_tensor(kernel))
    value = value + ops.convert_to_tensor(bias[0]) if bias else value
    found = np.asarray(ops.convert_to_numpy(value))
    return _normalized(part, found) if part.config.get("batch_norm") else found


def _number(place: str) -> int:
    tail = place.removeprefix("module/layers/einsum_dense").removeprefix("_")
    return int(tail) if tail else 0


def _normalized(part: Part, found: Floats) -> Floats:
    """Each pair's share of the normalization, and of the root of their number that the sum is divided by."""
    stored = part.weights("bn_module")
    scaled, centered = bool(part.config.get("bn_scale", True)), bool(part.config.get("bn_center", True))
    gamma = stored[0] if scaled else np.float32(1)
    beta = stored[scaled] if centered else np.float32(0)
    mean, variance = stored[-2:]
    factor = gamma / np.sqrt(variance + np.float32(part.config.get("bn_epsilon", 1e-3)))
    return (found * factor + (beta - mean * factor)) / np.sqrt(np.float32(found.shape[1]))
