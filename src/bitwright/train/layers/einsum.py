"""`QEinsumDense`: a product of a tensor and a quantized kernel over any axes."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

from bitwright.train.door import keras, ops
from bitwright.train.layers.linear import QuantizedLinear
from bitwright.train.public import public

__all__ = ["Equation", "QEinsumDense"]


@dataclass(frozen=True)
class Equation:
    """The labels of "inputs,kernel->output"; a leading "..." stands for any number of first axes.

    >>> Equation.parse("abc,cde->abde").summed
    'c'
    """

    inputs: str
    kernel: str
    output: str
    leading: bool

    @classmethod
    def parse(cls, text: str) -> Equation:
        """From the text that keras.layers.EinsumDense takes."""
        operands, output = text.replace(" ", "").split("->")
        inputs, kernel = operands.split(",")
        leading = inputs.startswith("...") and output.startswith("...")
        return cls(inputs.removeprefix("..."), kernel, output.removeprefix("..."), leading)

    @property
    def summed(self) -> str:
        """Labels that are summed over."""
        return "".join(label for label in self.kernel if label not in self.output)

    @property
    def made(self) -> str:
        """Labels that only the kernel brings, in the output's order."""
        return "".join(label for label in self.output if label in self.kernel and label not in self.inputs)

    @property
    def kept(self) -> str:
        """Labels that only the inputs have, in the output's order."""
        return "".join(label for label in self.output if label not in self.kernel)

    @property
    def shared(self) -> str:
        """Labels that all three have."""
        return "".join(label for label in self.output if label in self.kernel and label in self.inputs)


@public("bitwright.layers")
class QEinsumDense(QuantizedLinear, keras.layers.EinsumDense):
    """EinsumDense with a quantized kernel and bias; see `QDense` for the quantizers.

    All other arguments are those of keras.layers.EinsumDense; kernels start as he_normal.
    """

    def __init__(self, equation: str, output_shape: Any, activation: Any = None, **kwargs: Any) -> None:
        super().__init__(equation=equation, output_shape=output_shape, activation=activation, **kwargs)

    @property
    def use_bias(self) -> bool:
        """Whether there is a bias."""
        return self.bias_axes is not None

    @property
    def labels(self) -> Equation:
        """The equation, read."""
        return Equation.parse(self.equation)

    def _is_per_channel(self, scale: Any) -> bool:
        labels = self.labels
        sizes = zip(_full(scale, labels.kernel), labels.kernel, strict=True)
        return "." not in labels.inputs + labels.output and all(n == 1 or a not in labels.summed for n, a in sizes)

    def _as_row(self, scale: Any) -> Any:
        """The scale in the shape of the output's last axes."""
        if prod(scale.shape) == 1:
            return ops.reshape(scale, (1,))
        labels, sizes = self.labels, _full(scale, self.labels.kernel)
        order = [label for label in labels.output if label in labels.kernel]
        order = [*labels.summed, *order]
        turned = ops.transpose(ops.reshape(scale, sizes), [labels.kernel.index(label) for label in order])
        size = dict(zip(labels.kernel, sizes, strict=True))
        return ops.reshape(turned, [size.get(label, 1) for label in labels.output])


def _full(scale: Any, kernel: str) -> tuple[int, ...]:
    shape = tuple(scale.shape)
    return (1,) * (len(kernel) - len(shape)) + shape
