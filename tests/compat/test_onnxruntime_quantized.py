"""Models that onnxruntime's quantizer wrote (QDQ): the executor and the integer graph against onnxruntime itself.

onnxruntime's own optimizations fuse quantizers into operators that round otherwise, so they are switched off.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.onnx_models import onnx, parsed
from tests.qdq_models import SHAPES, as_told, quantization, quantized

import bitwright as bw
from bitwright.frontends.qonnx import Executor, explain, read_model
from bitwright.ir.graph import check, run, trace
from bitwright.ir.graph.ops import Input, Transpose

KINDS = quantization.QuantType
FORMS: dict[str, dict[str, Any]] = {
    "tensor": {"per_channel": False},
    "channel": {"per_channel": True, "activation_type": KINDS.QInt8, "weight_type": KINDS.QInt8},
    "symmetric": {
        "activation_type": KINDS.QInt8, "weight_type": KINDS.QInt8,
        "extra_options": {"ActivationSymmetric": True, "WeightSymmetric": True},
    },
    "few bits": {"activation_type": KINDS.QUInt8, "weight_type": KINDS.QInt4, "per_channel": True},
}  # fmt: skip


def compared(model: Any, shape: tuple[int, ...]) -> tuple[Any, list[np.ndarray], np.ndarray, np.ndarray]:
    """(reading, codes, the graph's outputs, onnxruntime's), having compared the executor with onnxruntime."""
    x = np.random.default_rng(5).normal(size=(200, *shape)).astype(np.float32)
    wanted, record = as_told(model, x), parsed(model)
    assert np.array_equal(Executor(record)([x])[0], wanted)
    reading, _ = read_model(record)
    codes = [encoder(x) for encoder in check(reading.graph) and reading.encoders]
    return reading, codes, reading.decoders[0](run(reading.graph, codes)[0]), wanted


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", SHAPES)
def test_scales_that_are_powers_of_two_are_exact(kind: str, form: str, tmp_path: Path) -> None:
    reading, _, found, wanted = compared(quantized(kind, tmp_path, dyadic=True, **FORMS[form]), SHAPES[kind])
    assert np.array_equal(found, wanted)
    assert not any(f.unstable for f in reading.findings)


@pytest.mark.parametrize("form", ["tensor", "channel"])
@pytest.mark.parametrize("kind", SHAPES)
def test_any_scales_differ_on_listed_codes_only(kind: str, form: str, tmp_path: Path) -> None:
    reading, codes, found, wanted = compared(quantized(kind, tmp_path, **FORMS[form]), SHAPES[kind])
    values, hit = trace(reading.graph, codes), np.zeros(len(found), dtype=bool)
    for finding in (f for f in reading.findings if f.unstable):
        node = reading.graph.nodes[finding.node]
        for row, code in finding.unstable:
            met = (values[node.args[0]] == code) & (np.broadcast_to(node.op.rows.array, node.type.shape) == row)
            hit |= met.reshape(len(found), -1).any(axis=1)
    assert not ((found != wanted).any(axis=1) & ~hit).any()
    assert (found != wanted).mean() < 0.01


def test_zero_points_leave_no_trace_and_channels_move_once(tmp_path: Path) -> None:
    """The input's codes have no offset, quantizers are one function each, and only the image is turned."""
    model = quantized("cnn", tmp_path, **FORMS["tensor"])
    reading, _ = read_model(parsed(model))
    (entry,) = (n for n in reading.graph if isinstance(n.op, Input))
    assert int(entry.type.low.array) < 0 < int(entry.type.high.array)
    assert sum(isinstance(n.op, Transpose) for n in reading.graph) == 1
    assert not explain(parsed(model)).refused


@pytest.mark.long
@pytest.mark.tool("verilator")
def test_a_model_of_onnxruntime_verifies_in_simulated_rtl(tmp_path: Path) -> None:
    path = tmp_path / "mlp.onnx"
    onnx.save(quantized("mlp", tmp_path, dyadic=True, **FORMS["few bits"]), path)
    design = bw.compile(path, effort=0)
    assert design.verify(np.random.default_rng(0).normal(size=(64, 10)).astype(np.float32)).differences == 0
