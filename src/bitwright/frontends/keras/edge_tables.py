"""`QEdgeTables`: every pair of input and output rounds for itself, reads its own table, and the reads are added."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from keras import ops

from bitwright.core.errors import Unsupported
from bitwright.frontends.grid.chains import dyadic_fraction
from bitwright.frontends.grid.walk import Lazy, Walk
from bitwright.frontends.keras.fixed_point import entered, limited
from bitwright.frontends.keras.rules import lower
from bitwright.frontends.keras.table_neurons import Sums, prove, settled
from bitwright.ir.graph.ops import Dense, Map, Reshape, Upsample
from bitwright.numeric import IntArray, Ints, Overflow, Rounding, Steps, Table
from bitwright.train import layers as ql
from bitwright.train.layers.fixed_point import FixedPoint
from bitwright.train.layers.tables import TableCodes

__all__: list[str] = []

_SPARE = {Rounding.FLOOR: 0, Rounding.HALF_UP: 1}
"""By mode: bits beyond the finest format that keep every later rounding exact."""


@lower.on(ql.QEdgeTables)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    name, lazy, told = layer.name, inputs[0], layer.quantizer.formats()
    if lazy.base is None and not lazy.chain and walk.input_format is None:
        position = entered(name, walk, lazy, _finest(told, name))
    else:
        position = walk.codes(lazy, name)
    found = _codes(layer)
    prove(found, walk, name)
    front = lazy.shape[:-1]
    pair = walk.emit(Reshape((*lazy.shape, 1)), [position], name)
    pair = walk.emit(Upsample((*(1,) * len(lazy.shape), layer.units)), [pair], name)
    read = _read(name, walk, limited(name, walk, pair, told), told, sums := settled(found))
    flat = walk.emit(Reshape((*front, told.low.size)), [read], name)
    units = np.arange(layer.units)
    matrix = np.zeros((told.low.shape[0], layer.units, layer.units), dtype=np.int64)
    matrix[:, units, units] = sums.weights.T
    steps = Steps([Fraction(2) ** -int(f) for f in found.bias_fractions], (layer.units,))
    total = walk.emit(Dense(Ints(matrix.reshape(-1, layer.units)), Ints(sums.bias)), [flat], name, steps)
    return Lazy(walk.type(total).shape, total)


def _read(name: str, walk: Walk, codes: int, told: FixedPoint, sums: Sums) -> int:
    tables = sums.tables.transpose(1, 0, 2)
    form = Table(Ints(told.low.ravel()), Ints(tables.reshape(-1, tables.shape[-1])))
    rows = Ints(np.arange(told.low.size).reshape(told.low.shape))
    return walk.emit(Map(form, rows), [codes], name, Steps.of(1))


def _codes(layer: Any) -> TableCodes:
    """The tables and the bias as integers."""
    tables, bias = (np.asarray(ops.convert_to_numpy(w), dtype=np.float64) for w in (layer.tables, layer.bias))
    inputs, units = tables.shape[:2]
    fractions = np.array([[dyadic_fraction(tables[i, u])[0] for u in range(units)] for i in range(inputs)])
    alive = tables.any(axis=-1)
    finest = np.where(alive, fractions, fractions.min(axis=0)).max(axis=0)
    own = np.array([dyadic_fraction(b)[0] for b in bias])
    finest = np.where(bias != 0, np.maximum(finest, own), finest)
    return TableCodes(
        tuple((i,) for i in range(inputs)),
        _whole(tables, fractions[..., None]).transpose(0, 2, 1),
        fractions,
        _whole(bias, finest),
        finest,
    )


def _whole(values: Any, fractions: Any) -> IntArray:
    return np.rint(values * np.exp2(fractions)).astype(np.int64)


def _finest(told: FixedPoint, name: str) -> FixedPoint:
    """One format for each input from which all its pairs round without a difference."""
    if told.rounding not in _SPARE:
        raise Unsupported(
            f"float inputs rounded {told.rounding.value} for each output alone",
            where=f"layer '{name}'",
            remedy="put a QFixedPoint layer before it, or round half_up or floor",
        )
    live = told.high > told.low
    fraction = np.where(live, told.fraction, np.int64(-63))
    finest = fraction.max(axis=1) + _SPARE[told.rounding]
    finest = np.where(live.any(axis=1), finest, 0)
    raised = np.where(live, finest[:, None] - told.fraction, 0)
    most = np.where(live, told.high - told.low + 1, 1) << raised
    size, signed = most.max(axis=1), (told.low < 0).any(axis=1)
    if told.overflow is Overflow.WRAP:
        low = np.where(signed, -(size >> 1), 0)
        high = low + size - 1
    else:
        low, high = np.where(signed, -size, 0), size
    none = ~live.any(axis=1)
    low, high = np.where(none, 0, low), np.where(none, 0, high)
    overflow = Overflow.WRAP if told.overflow is Overflow.WRAP else Overflow.SATURATE
    return FixedPoint(finest, low, high, Rounding.FLOOR, overflow)
