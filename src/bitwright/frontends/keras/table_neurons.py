"""`QTableDense`: codes of the inputs, side by side as addresses, a table a neuron and address, and one sum."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from bitwright.core.errors import Inexact
from bitwright.frontends.grid.elementwise import Elementwise
from bitwright.frontends.grid.walk import Lazy, Walk
from bitwright.frontends.keras.rules import lower
from bitwright.ir.graph.ops import Dense, Map, Reshape, Upsample
from bitwright.numeric import IntArray, Ints, Steps, Table
from bitwright.train import layers as ql
from bitwright.train.layers.tables import TableCodes

__all__ = ["Sums", "prove", "settled"]

_MANTISSA = 24
_ONE = Steps.of(1)


@dataclass(frozen=True)
class Sums:
    """Tables without offset and without idle low bits, and the sums of them: sum(weights * table) + bias.

    Shapes: tables (units, tables, size), weights (units, tables) powers of two or 0, bias (units,).
    """

    tables: IntArray
    weights: IntArray
    bias: IntArray


@lower.on(ql.QTableDense)
def _(layer: Any, walk: Walk, inputs: list[Lazy]) -> Lazy:
    name, found = layer.name, layer.table_codes()
    prove(found, walk, name)
    address = _addresses(layer, walk, inputs[0])
    sums = settled(found)
    units, count, size = sums.tables.shape
    shape = walk.type(address).shape[:-1]
    rows = walk.emit(Reshape((*shape, 1, count)), [address], name)
    rows = walk.emit(Upsample((*(1,) * len(shape), units, 1)), [rows], name)
    form = Table(Ints(np.zeros(units * count, dtype=np.int64)), Ints(sums.tables.reshape(-1, size)))
    read = walk.emit(Map(form, Ints(np.arange(units * count).reshape(units, count))), [rows], name, _ONE)
    flat = walk.emit(Reshape((*shape, units * count)), [read], name)
    matrix = np.zeros((units, count, units), dtype=np.int64)
    matrix[np.arange(units), :, np.arange(units)] = sums.weights
    steps = Steps([Fraction(2) ** -int(f) for f in found.bias_fractions], (units,))
    op = Dense(Ints(matrix.reshape(-1, units)), Ints(sums.bias))
    position = walk.emit(op, [flat], name, steps)
    return Lazy(walk.type(position).shape, position)


def _addresses(layer: Any, walk: Walk, lazy: Lazy) -> int:
    """(..., tables): the codes of each table's inputs side by side."""
    name = layer.name
    piece = Elementwise(name, layer.codes, channelwise=True, step=Fraction(1), variables=tuple(layer.variables))
    position = walk.codes(lazy.then(piece), name)
    if layer.groups == tuple((i,) for i in range(lazy.shape[-1])):
        return position
    places = np.zeros((lazy.shape[-1], len(layer.groups)), dtype=np.int64)
    for table, group in enumerate(layer.groups):
        for place, member in enumerate(reversed(group)):
            places[member, table] += 1 << (place * layer.input_bits)
    zero = np.zeros(len(layer.groups), dtype=np.int64)
    return walk.emit(Dense(Ints(places), Ints(zero)), [position], name, _ONE)


def settled(found: TableCodes) -> Sums:
    """Each table from 0 up, its least entry in the bias, and its common power of two in the weight."""
    tables = found.entries.transpose(2, 0, 1)
    least = tables.min(axis=-1)
    rest = tables - least[..., None]
    # A finer step than the bias's has only a table of zeros.
    scale = np.left_shift(1, np.maximum(found.bias_fractions[:, None] - found.fractions.T, 0))
    alive = rest.any(axis=-1)
    bias = found.bias + (least * scale).sum(axis=1)
    together = np.bitwise_or.reduce(rest, axis=-1)
    idle = np.where(alive, np.log2(np.maximum(together & -together, 1)), 0).astype(np.int64)
    return Sums(rest >> idle[..., None], np.where(alive, scale << idle, 0), bias)


def prove(found: TableCodes, walk: Walk, name: str) -> None:
    """Every partial sum of Keras's float32 is an integer number of steps that it holds."""
    steps = np.ldexp(1.0, found.bias_fractions[:, None] - found.fractions.T)
    most = np.abs(found.entries).max(axis=1).T * steps
    reach = float((most.sum(axis=1) + np.abs(found.bias)).max(initial=0.0))
    if reach >= 1 << _MANTISSA:
        raise Inexact(
            f"its sums reach {reach:.3g} steps, more than float32 holds",
            where=f"layer '{name}'",
            remedy="lower its fractions",
        )
    walk.note(name, True, f"sums of table entries stay below 2**{int(reach).bit_length()} steps: exact in float32")
