"""`QEdgeTables`: every output is a sum of lookup tables, one for each input, with a format for every pair."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.numeric import Overflow, Rounding
from bitwright.train.door import keras, ops
from bitwright.train.layers.fixed_point import QFixedPoint
from bitwright.train.public import public

__all__ = ["QEdgeTables"]

_WIDEST = 14


@public("bitwright.layers")
class QEdgeTables(keras.layers.Layer):
    """y[u] = bias[u] + sum over i of table[i, u][code of x[i] in the format of (i, u)].

    units: outputs. size: entries of the widest table. rounding, overflow: of the formats, as in `QFixedPoint`, whose
    `set_formats` (inputs, units) fill. Weights, none of them trained: tables (inputs, units, size), addressed by the
    code above the format's lowest, multiples of powers of two; bias (units,). Source: table neurons as in HGQ-LUT.
    """

    def __init__(
        self,
        units: int,
        size: int,
        rounding: str | Rounding = "half_up",
        overflow: str | Overflow = "wrap",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units, self.size = int(units), int(size)
        if not 1 <= self.size <= 1 << _WIDEST:
            raise InvalidValue(f"size={size}", where="QEdgeTables", remedy=f"tables have 1 to {1 << _WIDEST} entries")
        self.rounding, self.overflow = Rounding(rounding), Overflow(overflow)

    def build(self, input_shape: Any) -> None:
        """Create formats and tables of zeros."""
        inputs = int(input_shape[-1])
        self.quantizer = QFixedPoint((inputs, self.units), self.rounding, self.overflow, name="quantizer")
        self.quantizer.build((None, inputs, self.units))
        self.tables = self.add_weight(
            name="tables", shape=(inputs, self.units, self.size), initializer="zeros", trainable=False
        )
        self.bias = self.add_weight(name="bias", shape=(self.units,), initializer="zeros", trainable=False)

    def set_tables(self, tables: NDArray[np.floating], bias: NDArray[np.floating]) -> None:
        """Take the entries, and what is added to their sums."""
        self.tables.assign(np.asarray(tables, dtype=np.float32))
        self.bias.assign(np.asarray(bias, dtype=np.float32))

    def call(self, inputs: Any) -> Any:
        """The sums for `inputs` (..., inputs): (..., units)."""
        spread = ops.expand_dims(inputs, -1) + ops.zeros((self.units,), dtype=inputs.dtype)
        count = int(inputs.shape[-1]) * self.units
        first = np.arange(0, count * self.size, self.size, dtype=np.int32).reshape(-1, self.units)
        address = ops.cast(self.quantizer.places(spread), "int32") + ops.convert_to_tensor(first)
        found = ops.take(ops.reshape(ops.convert_to_tensor(self.tables), (-1,)), address, axis=0)
        return ops.sum(found, axis=-2) + ops.cast(ops.convert_to_tensor(self.bias), found.dtype)

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(..., units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        modes = {"rounding": self.rounding.value, "overflow": self.overflow.value}
        return {**super().get_config(), "units": self.units, "size": self.size, **modes}
