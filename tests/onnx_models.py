"""ONNX models for tests, written with the onnx package alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
helper = onnx.helper

QONNX = "qonnx.custom_op.general"


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str] | str = "y", domain: str = "", **told: Any) -> Any:
    """A node; attributes by name."""
    names = [outputs] if isinstance(outputs, str) else list(outputs)
    return helper.make_node(kind, list(inputs), names, domain=domain, **told)


def quant(x: str, y: str, scale: str, bits: str, zero: str = "zero", **told: Any) -> Any:
    """A Quant node of QONNX."""
    attributes = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND", **told}
    return node("Quant", [x, scale, zero, bits], y, QONNX, **attributes)


def model(
    nodes: Sequence[Any],
    inputs: Mapping[str, Sequence[Any]],
    outputs: Sequence[str] = ("y",),
    constants: Mapping[str, Any] | None = None,
    opset: int = 17,
    kinds: Mapping[str, int] | None = None,
) -> Any:
    """A ModelProto; `kinds`: ONNX types of outputs that are no floats."""
    told = {"zero": np.float32(0), **(constants or {})}
    used = {name for n in nodes for name in n.input}
    initializers = [
        onnx.numpy_helper.from_array(np.asarray(v), name) for name, v in told.items() if name in used
    ]
    graph = helper.make_graph(
        list(nodes), "net",
        [helper.make_tensor_value_info(k, 1, list(v)) for k, v in inputs.items()],
        [helper.make_tensor_value_info(k, (kinds or {}).get(k, 1), None) for k in outputs],
        initializers,
    )  # fmt: skip
    versions = [helper.make_opsetid("", opset), helper.make_opsetid(QONNX, 2)]
    return helper.make_model(graph, opset_imports=versions, ir_version=8)


def parsed(proto: Any) -> Any:
    """The model as our own record."""
    from bitwright.frontends.qonnx import parse_model

    return parse_model(proto.SerializeToString())
