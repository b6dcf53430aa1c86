"""The operators of QONNX and FINN, in all their domains and versions; one entry per name in `QUANTIZED`."""

from __future__ import annotations

from bitwright.core.errors import InvalidModel
from bitwright.frontends.qonnx import operators as o
from bitwright.frontends.qonnx.cells import QUANTIZERS, TENSORS
from bitwright.frontends.qonnx.functions import FloatRounding
from bitwright.frontends.qonnx.model import Operator
from bitwright.frontends.qonnx.read.attributes import Source, pairs
from bitwright.frontends.qonnx.read.standard import Build, batch_normalization, convolution, max_pool

__all__ = ["CHANNELS_LAST", "DOMAINS", "QUANTIZED"]

DOMAINS = (
    "onnx.brevitas", "finn.custom_op.general", "qonnx.custom_op.general", "finn.custom_op.intquant",
    "qonnx.custom_op.intquant",
)  # fmt: skip
"""Where Quant and its kin live, depending on who wrote the file and when."""


def _quant(s: Source) -> Operator:
    s.arity(4)
    rounding = s.choice("rounding_mode", "ROUND", FloatRounding.of)
    return o.Quant(s.flag("signed", True), s.flag("narrow"), rounding)


def _bipolar(s: Source) -> Operator:
    s.arity(2)
    return o.BipolarQuant()


def _trunc(s: Source) -> Operator:
    """Version 2 has six inputs; files count versions of the domain, so the inputs decide."""
    rounding = s.choice("rounding_mode", "FLOOR", FloatRounding.of)
    s.arity(5, 6)
    if len(s.inputs) == 5:
        s.skip("signed", "narrow")
        return o.Trunc(rounding)
    return o.TruncTo(rounding, s.flag("signed", True), s.flag("narrow"))


def _float_quant(s: Source) -> Operator:
    s.arity(5, 6)
    if s.flag("has_inf") or s.flag("has_nan") or not s.flag("saturation", True):
        raise InvalidModel("FloatQuant with infinities or NaN", where=s.where, remedy="export it with saturation=1")
    s.skip("has_subnormal")
    return o.FloatQuant(s.flag("signed", True), s.choice("rounding_mode", "ROUND", FloatRounding.of))


def _thresholds(s: Source) -> Operator:
    s.arity(2)
    s.skip("out_dtype")
    layout = s.text("data_layout", "")
    if len(set(layout)) != len(layout) or len(layout) > 8:
        raise InvalidModel(f"data_layout={layout[:16]!r}", where=s.where)
    return o.MultiThreshold(s.real("out_scale", 1.0), s.real("out_bias", 0.0), layout)


def _xnor(s: Source) -> Operator:
    s.arity(2)
    return o.XnorPopcountMatMul()


def _average(s: Source) -> Operator:
    s.arity(1)
    s.skip("signed")
    numbers = [s.whole(name, 1) for name in ("kernel", "stride", "ibits", "obits")]
    if any(not 0 < n < 1 << 16 for n in numbers) or max(numbers[2:]) > 32:
        raise InvalidModel(f"kernel, stride, ibits, obits = {numbers}", where=s.where)
    return o.QuantAveragePool(*numbers, channels_last=s.text("data_layout", "NCHW") == "NHWC")


def _pool_last(s: Source) -> Operator:
    """MaxPoolNHWC."""
    return max_pool(s, channels_last=True)


def _columns(s: Source) -> Operator:
    s.arity(1)
    s.skip("input_shape", "pad_value", "depthwise", "dilations", "pad_amount", "stride", "kernel_size")
    told = {name: s.wholes(name) for name in ("kernel_size", "stride", "dilations")}
    if any(value is not None and (len(value) != 2 or min(value) < 1) for value in told.values()):
        raise InvalidModel("Im2Col of another rank than two", where=s.where)
    kernel, stride, dilations = ((*(value or (1, 1)),) for value in told.values())
    amount = pairs(s.wholes("pad_amount") or (0, 0, 0, 0), s.where)
    if len(amount) != 2 or s.whole("depthwise", 0) or s.real_or_whole("pad_value") != 0:
        raise InvalidModel("Im2Col with depthwise=1 or another pad value than 0", where=s.where)
    return o.Im2Col(kernel, stride, amount, dilations)  # pyright: ignore[reportArgumentType]


def _lstm(s: Source) -> Operator:
    """QuantLSTMCell; Brevitas's exporter calls one attribute by another name than its kin."""
    s.arity(TENSORS + 3 * len(QUANTIZERS))
    quantizers: list[o.Quant] = []
    for name in QUANTIZERS:
        rounding = s.choice(f"{name}_rounding_mode", "ROUND", FloatRounding.of)
        narrow = s.flag(f"{name}_narrow") or s.flag(f"{name}_narrow_range")
        quantizers.append(o.Quant(s.flag(f"{name}_signed", True), narrow, rounding))
    return o.QuantLSTM(s.flag("batch_first"), s.flag("reverse_input"), s.flag("cifg"), tuple(quantizers))


QUANTIZED: dict[str, Build] = {
    "Quant": _quant, "IntQuant": _quant, "BipolarQuant": _bipolar, "Trunc": _trunc, "FloatQuant": _float_quant,
    "MultiThreshold": _thresholds, "XnorPopcountMatMul": _xnor, "QuantAvgPool2d": _average,
    "MaxPoolNHWC": _pool_last, "Im2Col": _columns, "QuantLSTMCell": _lstm,
}  # fmt: skip


def _conv_last(s: Source) -> Operator:
    return convolution(s, channels_last=True)


def _normalization_last(s: Source) -> Operator:
    return batch_normalization(s, channels_last=True)


CHANNELS_LAST: dict[str, Build] = {
    "Conv": _conv_last, "MaxPool": _pool_last, "BatchNormalization": _normalization_last,
}  # fmt: skip
"""The domain qonnx.custom_op.channels_last."""
