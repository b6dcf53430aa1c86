"""`QTableDense`: neurons that are sums of learned lookup tables over a few narrow inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.layers.tables_lookup import centers, codes, looked_up
from bitwright.train.layers.tables_shape import grouped, hats, linear_tables, quantile_levels, uniform_levels
from bitwright.train.public import public
from bitwright.train.quantizers.straight import clip_code, inside, power, round_code, straight

__all__ = ["QTableDense", "TableCodes"]

_LEAST, _MOST = -16.0, 16.0
_MANTISSA, _REACH = 24, 3
_WIDEST = 12
_GAIN = 0.4
"""What a later layer of the same range saturates, it does not learn from."""
_FREE = 6
"""Address bits that one lookup table of the device takes."""


@dataclass(frozen=True)
class TableCodes:
    """A layer as integers: entry = codes * 2**-fraction of its table and unit, bias likewise of its unit.

    Shapes: entries (tables, size, units), fractions (tables, units), bias and bias_fractions (units,). No table of
    a unit that is not all zero has a finer fraction than its bias. groups: the inputs of each table.
    """

    groups: tuple[tuple[int, ...], ...]
    entries: NDArray[np.int64]
    fractions: NDArray[np.int64]
    bias: NDArray[np.int64]
    bias_fractions: NDArray[np.int64]


@public("bitwright.layers")
class QTableDense(keras.layers.Layer):
    """y_j = sum over tables g of T[g, code(x_g1), code(x_g2), ..., j] + bias_j, over the last axis.

    Each input is coded by `input_bits` bits, the number of its `levels` (a weight (inputs, 2**input_bits - 1) that is
    not trained) that it has reached: at first those of the floor to 2 * input_range / 2**input_bits, saturated;
    `calibrate` sets them from data. Each table reads `inputs_per_table` inputs. pairings: how often all inputs are
    dealt to tables, first to neighbors, then shuffled by `seed`; or the tuples of input indices themselves.

    Weights: tables (tables, functions, units), at first a dense layer with `kernel_initializer`: the entries,
    or where `smooth` what hats of every width over the addresses are multiplied with and added up to them
    (`entries`; a table then learns wide features first); fractions (tables, units): the entries of a table are
    multiples of 2**-round(fraction), trained if `train_fractions`, down to where all entries are one number and the
    table is gone; bias (units,), on the finest grid of its tables. Gradients of entries are exact, those of inputs
    are slopes between neighboring entries, those of fractions log(2) times the rounding error (HGQ,
    arXiv 2405.00645, section 3).

    In hardware (`table_luts`): an output bit of a table of up to 6 bits is one lookup table of the device.
    """

    def __init__(
        self,
        units: int,
        inputs_per_table: int = 2,
        input_bits: int = 3,
        input_range: float = 2.0,
        fraction: float = 6.0,
        pairings: Any = 1,
        use_bias: bool = True,
        train_fractions: bool = True,
        smooth: bool = True,
        kernel_initializer: Any = "he_normal",
        bias_initializer: Any = "zeros",
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _refuse(int(units), int(inputs_per_table), int(input_bits), float(input_range))
        self.units, self.inputs_per_table, self.input_bits = int(units), int(inputs_per_table), int(input_bits)
        self.input_range, self.fraction = float(input_range), float(fraction)
        self.pairings = int(pairings) if isinstance(pairings, int) else [[int(i) for i in g] for g in pairings]
        self.use_bias, self.train_fractions, self.smooth = bool(use_bias), bool(train_fractions), bool(smooth)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.seed = int(seed)
        self.groups: tuple[tuple[int, ...], ...] = ()

    def build(self, input_shape: Any) -> None:
        """Make levels, tables, fractions and bias."""
        inputs = int(input_shape[-1])
        self.groups = grouped(inputs, self.inputs_per_table, self.pairings, self.seed)
        first = uniform_levels(inputs, self.input_bits, self.input_range)
        self.levels = self.add_weight(
            name="levels", shape=first.shape, initializer=_given(lambda: first), trainable=False
        )
        count, size = len(self.groups), 1 << (self.input_bits * self.inputs_per_table)
        size = hats(self.input_bits, self.inputs_per_table).shape[1] if self.smooth else size
        self.tables = self.add_weight(
            name="tables", shape=(count, size, self.units), initializer=_given(lambda: self._first_tables(first))
        )
        self.fractions = self.add_weight(
            name="fractions",
            shape=(count, self.units),
            initializer=keras.initializers.Constant(self.fraction),
            trainable=self.train_fractions,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.units,), initializer=self.bias_initializer)
        super().build(input_shape)

    def call(self, inputs: Any) -> Any:
        """The sums of the entries that `inputs` (..., inputs) name."""
        x = ops.cast(inputs, self.compute_dtype)
        shape = tuple(-1 if n is None else int(n) for n in x.shape)
        entries, _ = self._entries()
        levels = ops.convert_to_tensor(self.levels)
        total = looked_up(ops.reshape(x, (-1, shape[-1])), entries, levels, self.groups, self.input_bits)
        if self.bias is not None:
            total = total + self._quantized_bias(entries)
        return total if len(shape) == 2 else ops.reshape(total, (-1, *shape[1:-1], self.units))

    def codes(self, x: Any) -> Any:
        """The codes of `x` (..., inputs), floats from 0 to 2**input_bits - 1."""
        x = ops.convert_to_tensor(x)
        return ops.cast(codes(x, ops.cast(ops.convert_to_tensor(self.levels), x.dtype)), x.dtype)

    def calibrate(self, x: Any, fraction: int = 6) -> None:
        """Set the levels so that equally many samples of `x` have each code, on multiples of 2**-fraction.

        The tables start anew from a dense layer, on the middles of the codes' cells.
        """
        levels = quantile_levels(np.asarray(x), self.input_bits, fraction)
        self.levels.assign(levels)
        self.tables.assign(self._first_tables(levels))

    # Facts that a penalty of hardware takes; tensors with gradients.

    def table_bits(self) -> Any:
        """(tables, units): the bits of a table's output, log2 of its range in steps plus one; 0: it is a number."""
        entries, size = self._entries()
        span = (ops.max(entries, axis=1) - ops.min(entries, axis=1)) * size
        return ops.log2(1.0 + span)

    def input_widths(self) -> Any:
        """(tables, units): how many address bits matter; each counts by the largest step that it makes, up to 1."""
        entries, size = self._entries()
        bits, total = self.input_bits * self.inputs_per_table, ops.zeros_like(size)
        for bit in range(bits):
            cube = ops.reshape(entries, (entries.shape[0], -1, 2, 1 << bit, self.units))
            most = ops.max(ops.abs(cube[:, :, 1] - cube[:, :, 0]), axis=(1, 2)) * size
            total = total + ops.minimum(most, 1.0)
        return total

    def table_luts(self) -> Any:
        """The LUTs of the layer's tables and sums, one number.

        A table of n address bits and m output bits takes m LUTs, 2**(n - 6) times as many beyond six, and none for
        n <= 1 (a choice of two numbers is wires). A sum of tables takes half of the bits that disappear in it
        (chains of three operands: a LUT removes two bits).
        """
        width, address = self.table_bits(), self.input_widths()
        factor = clip_code(address - 1.0, 0.0, 1.0) * 2.0 ** ops.maximum(address - _FREE, 0.0)
        entries, size = self._entries()
        span = ops.sum(ops.max(entries, axis=1) - ops.min(entries, axis=1), axis=0)
        result = ops.log2(1.0 + span * ops.max(ops.where(width > 0, size, ops.zeros_like(size)), axis=0))
        return ops.sum(width * factor) + 0.5 * ops.sum(ops.maximum(ops.sum(width, axis=0) - result, 0.0))

    def table_codes(self) -> TableCodes:
        """The layer as integers, as it computes at inference."""
        entries, size = self._entries()
        values, steps = (np.asarray(ops.convert_to_numpy(a), dtype=np.float64) for a in (entries, size))
        fractions = np.rint(np.log2(steps)).astype(np.int64)
        offset = np.zeros(self.units)
        finest = np.asarray(ops.convert_to_numpy(self._finest(entries, size)), dtype=np.float64)
        if self.bias is not None:
            offset = np.asarray(ops.convert_to_numpy(self._quantized_bias(entries)), dtype=np.float64)
        return TableCodes(
            self.groups,
            np.rint(values * steps[:, None]).astype(np.int64),
            fractions,
            np.rint(offset * finest).astype(np.int64),
            np.rint(np.log2(finest)).astype(np.int64),
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(..., units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        names = (
            "units", "inputs_per_table", "input_bits", "input_range", "fraction", "pairings", "use_bias",
            "train_fractions", "smooth", "seed",
        )  # fmt: skip
        return {
            **super().get_config(),
            **{name: getattr(self, name) for name in names},
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
        }

    def entries(self) -> Any:
        """(tables, addresses, units): the entries before quantization.

        Weights of hats are rounded and limited so that float32 adds them up without an error, in any order.
        """
        tables = ops.convert_to_tensor(self.tables)
        if not self.smooth:
            return tables
        address = self.input_bits * self.inputs_per_table
        grid = 2.0 ** (_MANTISSA - address - _REACH - (self.input_bits + 1).bit_length())
        most = 2.0**_REACH
        rounded = round_code(clip_code(ops.stop_gradient(tables), -most, most) * grid) / grid
        exact = straight(rounded, tables)
        mixing = ops.cast(ops.convert_to_tensor(hats(self.input_bits, self.inputs_per_table)), tables.dtype)
        return ops.einsum("km,gmu->gku", mixing, exact)

    def _entries(self) -> tuple[Any, Any]:
        """The quantized entries, and (tables, units) how many of their steps are 1."""
        tables, fractions = self.entries(), ops.convert_to_tensor(self.fractions)
        whole = clip_code(ops.round(fractions), _LEAST, _MOST)
        moved = fractions * inside(fractions, _LEAST, _MOST)
        size = straight(power(whole), ops.stop_gradient(power(whole)) * (log(2.0) * moved))
        step = ops.expand_dims(ops.stop_gradient(size), 1)
        value = round_code(ops.stop_gradient(tables) * step) / step
        error = ops.stop_gradient(tables) - value
        return straight(value, tables + ops.stop_gradient(error) * log(2.0) * ops.expand_dims(moved, 1)), size

    def _finest(self, entries: Any, size: Any) -> Any:
        """How many steps of a unit's bias are 1: the most of its tables that are not all zero."""
        size = ops.stop_gradient(size)
        alive = ops.any(entries != 0, axis=1)
        return ops.max(ops.where(alive, size, ops.min(size, axis=0, keepdims=True)), axis=0)

    def _quantized_bias(self, entries: Any) -> Any:
        bias, steps = ops.convert_to_tensor(self.bias), self._finest(entries, self._entries()[1])
        return straight(round_code(bias * steps) / steps, bias)

    def _first_tables(self, levels: NDArray[np.floating]) -> NDArray[np.float32]:
        """Entries of a dense layer on the middles of the codes' cells, with outputs of a third of the inputs' range."""
        count, members = len(self.groups), self.inputs_per_table
        weights = ops.convert_to_numpy(self.kernel_initializer((count * members, self.units), "float32"))
        middle = np.asarray(ops.convert_to_numpy(centers(ops.convert_to_tensor(levels))))
        entries = linear_tables(
            _GAIN * np.asarray(weights).reshape(count, members, self.units),
            middle[np.array(self.groups, dtype=np.int64)],
        )
        return self._coefficients(entries)

    def _coefficients(self, entries: NDArray[np.floating]) -> NDArray[np.float32]:
        """The least weights of hats that add up to `entries`."""
        if not self.smooth:
            return entries.astype(np.float32)
        inverse = np.linalg.pinv(hats(self.input_bits, self.inputs_per_table).astype(np.float64))
        return np.einsum("mk,gku->gmu", inverse, entries).astype(np.float32)


def _given(make: Callable[[], NDArray[np.floating]]) -> Callable[..., Any]:
    """An initializer that yields an array of its own."""

    def initializer(shape: Any, dtype: Any = None) -> Any:
        return ops.convert_to_tensor(make(), dtype=dtype)

    return initializer


def _refuse(units: int, members: int, bits: int, reach: float) -> None:
    if units < 1 or members < 1 or bits < 1 or members * bits > _WIDEST:
        raise InvalidValue(
            f"units={units}, inputs_per_table={members}, input_bits={bits}",
            where="QTableDense",
            why=f"a table has 1 to {_WIDEST} address bits",
            remedy="give inputs_per_table=2 and input_bits=3",
        )
    if not reach > 0 or float(np.log2(reach)) % 1:
        raise InvalidValue(f"input_range={reach}", where="QTableDense", remedy="give a power of two")
