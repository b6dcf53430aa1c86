"""Quantizers of both dialects: values rounded to a grid and cut at the ends of a range; constants on a grid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from bitwright.frontends.qonnx.model import Array
from bitwright.frontends.qonnx.write.file import Dialect, Packed
from bitwright.frontends.qonnx.write.writer import Floats, Tensor, Writer
from bitwright.numeric import IntArray, Rounding, width_of

__all__ = ["ROUNDINGS", "clipped", "constant", "quantize", "rounds"]

ROUNDINGS = {
    Rounding.HALF_EVEN: "ROUND", Rounding.HALF_AWAY: "HALF_UP", Rounding.HALF_ZERO: "HALF_DOWN",
    Rounding.FLOOR: "FLOOR", Rounding.CEIL: "CEIL", Rounding.TRUNCATE: "DOWN", Rounding.AWAY: "UP",
}  # fmt: skip
"""QONNX's words; its HALF_UP goes away from zero."""

_PLAIN = {Rounding.FLOOR: "Floor", Rounding.CEIL: "Ceil", Rounding.HALF_EVEN: "Round"}
_TYPES = {"uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767)}
"""Fewer bits are said by Clip: onnxruntime's optimizer fails on quantizers to 4 bits."""

_WEIGHTS = {"int8": (-128, 127), "int16": (-32768, 32767), "int32": (-(1 << 31), (1 << 31) - 1)}


def rounds(rounding: Rounding, dialect: Dialect) -> bool:
    """Whether the dialect has a word for it."""
    return rounding in (ROUNDINGS if dialect is Dialect.QONNX else _PLAIN)


def quantize(
    writer: Writer, tensor: Tensor, unit: Floats, ends: tuple[IntArray, IntArray], layer: str,
    rounding: Rounding = Rounding.HALF_EVEN, cut: bool = True, scale: float | None = None,
) -> Tensor:  # fmt: skip
    """`tensor` rounded to integers times `unit` within `ends` (each broadcasts); not `cut`: it lies within anyway.

    scale (only of ONNX's own quantizers): what `tensor` is divided by before it is rounded, if not by `unit`.
    """
    low, high = int(ends[0].min()), int(ends[1].max())
    same = (ends[0] == low).all() and (ends[1] == high).all()
    if writer.file.dialect is Dialect.QONNX:
        bits, signed, narrow, exact = _width(low, high)
        if cut and not (same and exact):
            tensor = clipped(writer, tensor, unit, ends, layer)
        told = [
            writer.file.hold(writer.facing(tensor, unit), layer, "scale"),
            writer.file.hold(0, layer, "zero"),
            writer.file.hold(bits, layer, "bits"),
        ]
        name = writer.file.quantizer(
            "Quant", [tensor.name, *told], layer, signed=int(signed), narrow=int(narrow),
            rounding_mode=ROUNDINGS[rounding],
        )  # fmt: skip
        return replace(tensor, name=name)
    kind = next((k for k, (a, b) in _TYPES.items() if a <= low and high <= b), "")
    if rounding is not Rounding.HALF_EVEN or not kind:
        tensor = _rounded(writer, tensor, unit, rounding, layer)
    if cut and not (same and _TYPES.get(kind) == (low, high)):
        tensor = clipped(writer, tensor, unit if scale is None else np.array(scale), ends, layer)
    return _pair(writer, tensor, unit, kind, layer, scale) if kind else tensor


def _width(low: int, high: int) -> tuple[int, bool, bool, bool]:
    """(bits, signed, narrow, whether the range is exactly that of the quantizer)."""
    signed, bits = low < 0, max(width_of(low, high)[1], 2 if low < 0 else 1)
    full = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    narrow = (low, high) == ((full[0] + 1, full[1]) if signed else (0, full[1] - 1)) and bits > 1
    return bits, signed, narrow, narrow or (low, high) == full


def clipped(
    writer: Writer, tensor: Tensor, unit: Floats, ends: tuple[IntArray, IntArray], layer: str
) -> Tensor:
    """`tensor` cut at `ends` times `unit` (each broadcasts): one Clip where both are the same for all elements."""
    low, high = (v.ravel()[:1] if (v == v.flat[0]).all() else v for v in (np.asarray(e * unit) for e in ends))
    if low.size > 1 or high.size > 1:
        return writer.changed("Min", writer.changed("Max", tensor, low, layer), high, layer)
    held = [writer.file.hold(v.reshape(()), layer, w) for v, w in ((low, "low"), (high, "high"))]
    return replace(tensor, name=writer.file.node("Clip", [tensor.name, *held], layer))


def _rounded(writer: Writer, tensor: Tensor, unit: Floats, rounding: Rounding, layer: str) -> Tensor:
    codes = writer.scaled(tensor, 1 / unit, layer)
    whole = replace(codes, name=writer.file.node(_PLAIN[rounding], [codes.name], layer))
    return writer.scaled(whole, unit, layer)


def _pair(
    writer: Writer, tensor: Tensor, unit: Floats, kind: str, layer: str, divisor: float | None = None
) -> Tensor:
    """QuantizeLinear (with the scale `divisor`, if told) and DequantizeLinear."""
    array = writer.facing(tensor, unit)
    wide = [a for a, n in enumerate(array.shape) if n > 1]
    if len(wide) > 1:  # ONNX has scales along one axis only
        plain = _pair(writer, writer.scaled(tensor, 1 / unit, layer), np.ones(()), kind, layer)
        return writer.scaled(plain, unit, layer)
    told: dict[str, Any] = {"axis": wide[0] + 1} if wide else {}
    scale = writer.file.hold(array.ravel() if wide else array, layer, "scale")
    zero = writer.file.hold(Packed(np.zeros(array.size if wide else (), np.int64), kind), layer, "zero")
    first = scale if divisor is None else writer.file.hold(divisor, layer, "divisor")
    integers = writer.file.node("QuantizeLinear", [tensor.name, first, zero], layer, **told)
    return replace(tensor, name=writer.file.node("DequantizeLinear", [integers, scale, zero], layer, **told))


def constant(writer: Writer, codes: IntArray, scale: Array, layer: str, what: str) -> str:
    """The name of codes x scale as a quantized constant; scale: one number, or of as many axes, one of them wide."""
    file = writer.file
    if file.dialect is Dialect.QONNX:
        return _quantized(writer, codes, scale, layer, what)
    low, high = int(codes.min(initial=0)), int(codes.max(initial=0))
    kind = next(k for k, (a, b) in _WEIGHTS.items() if a <= low and high <= b and (what != "bias" or k == "int32"))
    wide = [a for a, n in enumerate(scale.shape) if n > 1]
    told: dict[str, Any] = {"axis": wide[0]} if wide else {}
    held = [
        file.hold(Packed(codes, kind), layer, what),
        file.hold(scale.ravel() if wide else scale.reshape(-1)[0], layer, f"{what}_scale"),
    ]
    return file.node("DequantizeLinear", held, layer, **told)


def _quantized(writer: Writer, codes: IntArray, scale: Array, layer: str, what: str) -> str:
    file = writer.file
    values = file.hold(codes * scale, layer, what)
    if what == "bias":
        return values
    step = file.hold(scale if scale.size > 1 else scale.reshape(-1)[0], layer, f"{what}_scale")
    if (np.abs(codes) == 1).all():
        return file.quantizer("BipolarQuant", [values, step], layer)
    bits, _, narrow, _ = _width(min(int(codes.min()), -1), max(int(codes.max()), 0))
    told = [step, file.hold(0, layer, "zero"), file.hold(bits, layer, "bits")]
    return file.quantizer("Quant", [values, *told], layer, signed=1, narrow=int(narrow), rounding_mode="ROUND")
