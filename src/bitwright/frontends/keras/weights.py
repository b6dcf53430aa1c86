"""Weights of a layer as integers: codes, exact steps, and what stays in the float epilogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from keras import ops
from numpy.typing import NDArray

from bitwright.core.errors import InvalidModel, Unsupported
from bitwright.frontends.grid.chains import dyadic_fraction
from bitwright.numeric import IntArray

__all__ = ["Linear", "integer_kernel", "read_linear", "refuse_unfactored"]

_WIDEST = 20
_NEARLY = 3


@dataclass(frozen=True)
class Linear:
    """A linear layer split into its exact sum and its element-wise rest.

    kernel: float32 values on a dyadic grid; bias: float32 or None; `epilogue` maps the sum to the
    layer's output (scale, bias, activation); `activation` maps sum + bias to the output and is
    None when a scale has to come in between.
    """

    kernel: NDArray[np.float32]
    bias: NDArray[np.float32] | None
    epilogue: Callable[[Any], Any]
    activation: Callable[[Any], Any] | None
    quantizer: Any


def read_linear(layer: Any) -> Linear:
    """The parts of a quantized or a plain Keras layer with kernel and bias."""
    activation = getattr(layer, "activation", None)
    if hasattr(layer, "quantized_weights"):
        weights = layer.quantized_weights()
        kernel = weights["kernel"]
        refuse_unfactored(layer, np.asarray(kernel.z))
        bias = weights["bias"].z if "bias" in weights else None
        return Linear(
            np.asarray(kernel.z),
            bias,
            layer.epilogue,
            _or_identity(activation) if kernel.scale is None else None,
            activation,
        )
    kernel, bias = np.asarray(ops.convert_to_numpy(layer.kernel)), None
    if layer.use_bias:
        bias = np.asarray(ops.convert_to_numpy(layer.bias))
    call = _or_identity(activation)

    def epilogue(total: Any) -> Any:
        return call(total if bias is None else ops.add(total, ops.cast(bias, total.dtype)))

    return Linear(kernel, bias, epilogue, call, activation)


def refuse_unfactored(layer: Any, *kernels: NDArray[np.float32]) -> None:
    """Refuse a layer with scales inside a sum of which some kernel lies on no grid: float32 would round the sum."""
    wide = any(dyadic_fraction(kernel)[1] > _WIDEST for kernel in kernels)
    if wide and not getattr(layer, "factored", True):
        raise Unsupported(
            "a scale that is no power of two differs between weights of one sum",
            where=f"layer '{layer.name}'",
            why="float32 would round such a sum",
            remedy="give the kernel quantizer alpha='auto_po2', alpha=1, or a scale_axis along its filters",
        )


def _or_identity(activation: Any) -> Callable[[Any], Any]:
    return (lambda x: x) if activation is None else activation


def integer_kernel(kernel: NDArray[np.float32], layer: str) -> tuple[IntArray, list[Fraction]]:
    """(codes, step per output channel): kernel == codes x step over the last axis, exactly.

    Raises `Unsupported` for weights that lie on no grid (floats that nobody quantized).
    """
    if not np.isfinite(kernel).all():
        raise InvalidModel("a weight is NaN or infinite", where=f"layer '{layer}'", remedy="train it again")
    columns = kernel.reshape(-1, kernel.shape[-1]).T.astype(np.float64)
    found = [dyadic_fraction(column) for column in columns]
    widest = max(bits for _, bits in found)
    if widest > _WIDEST:
        raise Unsupported(
            f"its weights need {widest} bits: they are not quantized",
            where=f"layer '{layer}'",
            remedy="use bw.quantize(model, ...) or the Q layer with kernel_quantizer='quantized_bits(6,0,alpha=1)'",
        )
    fractions = _shared([f for f, _ in found], [bool(column.any()) for column in columns])
    codes = np.rint(np.ldexp(kernel.astype(np.float64), fractions)).astype(np.int64)
    return codes, [Fraction(2) ** -f for f in fractions]


def _shared(fractions: list[int], live: list[bool]) -> list[int]:
    """One fraction for all channels where they nearly agree (then maps need one function only)."""
    known = [f for f, alive in zip(fractions, live, strict=True) if alive] or [0]
    if max(known) - min(known) <= _NEARLY:
        return [max(known)] * len(fractions)
    return [f if alive else max(known) for f, alive in zip(fractions, live, strict=True)]
