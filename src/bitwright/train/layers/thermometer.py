"""`BinaryToThermometer`: numbers as one-hot vectors of the part of their range that they lie in."""

from __future__ import annotations

from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.train.door import keras, ops
from bitwright.train.public import public

__all__ = ["BinaryToThermometer", "Thermometer"]


@public("bitwright.layers")
class Thermometer(keras.layers.Layer):
    """Each number of [0, value_range) as `classes` numbers, all 0 but that of its part.

    With p = x * classes / value_range, part floor(p) is 1; with_residue adds the rest p - floor(p) to it.
    use_two_hot_encoding has one class more, and with a residue r splits the 1 into 1 - r there and r in
    the next class. merge_with_channels: (..., channels * classes) instead of (..., channels, classes).
    Source: google/qkeras, b2t.py.
    """

    def __init__(
        self,
        classes: int,
        value_range: float,
        with_residue: bool = False,
        merge_with_channels: bool = False,
        use_two_hot_encoding: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if classes < 1 or value_range <= 0:
            raise InvalidValue(
                f"{classes} classes of [0, {value_range})", where="BinaryToThermometer", remedy="give positive numbers"
            )
        self.classes, self.value_range = int(classes), value_range
        self.with_residue, self.merge_with_channels = bool(with_residue), bool(merge_with_channels)
        self.use_two_hot_encoding = bool(use_two_hot_encoding)

    @property
    def width(self) -> int:
        """How many numbers stand for one."""
        return self.classes + int(self.use_two_hot_encoding)

    def call(self, inputs: Any) -> Any:
        """The encoded `inputs`."""
        x = ops.cast(inputs, self.compute_dtype)
        shape = tuple(-1 if n is None else n for n in x.shape)
        y = self.encoded(ops.expand_dims(x, -1), ops.arange(self.width, dtype=x.dtype))
        return ops.reshape(y, (*shape[:-1], shape[-1] * self.width)) if self.merge_with_channels else y

    def encoded(self, x: Any, number: Any) -> Any:
        """What class `number` of x is; the two broadcast."""
        past = x / (self.value_range / self.classes) - number
        if self.with_residue and self.use_two_hot_encoding:
            return ops.relu(1.0 - ops.abs(past))
        inside = ops.cast(ops.logical_and(past >= 0, past < 1), past.dtype)
        return inside * (1.0 + past) if self.with_residue else inside

    def compute_output_shape(self, input_shape: Any) -> Any:
        """(..., channels, classes), or merged."""
        if self.merge_with_channels:
            return (*input_shape[:-1], input_shape[-1] * self.width)
        return (*input_shape, self.width)

    def get_config(self) -> dict[str, Any]:
        """Every argument."""
        names = ("classes", "value_range", "with_residue", "merge_with_channels", "use_two_hot_encoding")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def BinaryToThermometer(  # noqa: N802 (QKeras's name)
    x: Any,
    classes: int,
    value_range: float,
    with_residue: bool = False,
    merge_with_channels: bool = False,
    use_two_hot_encoding: bool = False,
) -> Any:
    """`x`, an array or a Keras tensor, as a thermometer; see `Thermometer`, the layer that this makes."""
    encode = Thermometer(classes, value_range, with_residue, merge_with_channels, use_two_hot_encoding)
    return encode(x)
