"""Random networks without their quantizers, in the float executor and in onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.onnx_models import node, parsed
from tests.random_onnx import random_onnx

from bitwright.frontends.qonnx import Executor

runtime = pytest.importorskip("onnxruntime")


def as_floats(seed: int) -> Any:
    """A random network in which every quantizer passes on what it is given."""
    proto = random_onnx(seed, free=True)
    plain = [
        node("Identity", [n.input[0]], n.output[0]) if n.op_type in ("Quant", "BipolarQuant") else n
        for n in proto.graph.node
    ]
    del proto.graph.node[:]
    proto.graph.node.extend(plain)
    return proto


def agrees(seed: int) -> bool:
    """Whether there is anything to compare: the place of a maximum hangs on the last digits."""
    proto = as_floats(seed)
    if any(n.op_type == "ArgMax" for n in proto.graph.node):
        return False
    options = runtime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    session = runtime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])
    x = np.random.default_rng(seed).normal(size=session.get_inputs()[0].shape).astype(np.float32)
    (wanted,) = session.run(None, {"x": x})
    (found,) = Executor(parsed(proto))([x])
    assert found.shape == wanted.shape, seed
    scale = max(float(np.abs(wanted).max()), 1.0)
    np.testing.assert_allclose(found / scale, wanted / scale, atol=3e-5, err_msg=f"seed {seed}")
    return True


def test_networks_of_floats_agree() -> None:
    assert sum(agrees(seed) for seed in range(60)) > 35


@pytest.mark.long
def test_thousands_of_networks_of_floats_agree() -> None:
    assert sum(agrees(seed) for seed in range(60, 4000)) > 2500
