"""The integer graph of a QONNX network computes what its float executor computes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.onnx_models import parsed
from tests.random_onnx import random_onnx

from bitwright.core.errors import Unsupported
from bitwright.frontends.qonnx import read_model
from bitwright.ir.graph import check, run, trace


def compared(seed: int, free: bool) -> tuple[Any, list[np.ndarray], np.ndarray, np.ndarray] | None:
    """(reading, codes, the executor's codes, the graph's); None where the last layer's bias lies on no grid."""
    model = parsed(random_onnx(seed, free))
    try:
        reading, truth = read_model(model)
    except Unsupported as error:
        if any(word in error.what for word in ("grid", "codes", "sigmoid", "space")):
            return None
        raise
    check(reading.graph)
    rng = np.random.default_rng(seed)
    x = (rng.integers(-40, 41, (40, *model.inputs[0].shape[1:])) / np.float32(16)).astype(np.float32)
    codes = [encoder(x) for encoder in reading.encoders]
    (found,) = run(reading.graph, codes)
    (values,) = truth.logits([x])
    assert values.shape == found.shape
    return reading, codes, reading.decoders[0].codes(values.astype(np.float64)), found


def equal(seed: int) -> bool:
    told = compared(seed, free=False)
    if told is None:
        return False
    _, _, wanted, found = told
    assert np.array_equal(wanted, found), f"seed {seed}"
    return True


def on_unstable_codes(reading: Any, codes: list[np.ndarray]) -> np.ndarray:
    """Samples that meet a code of which the reading says that float32 may round it elsewhere."""
    values, hit = trace(reading.graph, codes), np.zeros(len(codes[0]), dtype=bool)
    for finding in (f for f in reading.findings if f.unstable):
        node = reading.graph.nodes[finding.node]
        rows, source = np.broadcast_to(node.op.rows.array, node.type.shape), values[node.args[0]]
        for row, code in finding.unstable:
            hit |= ((source == code) & (rows == row)).reshape(len(source), -1).any(axis=1)
    return hit


def near(seed: int) -> bool:
    told = compared(seed, free=True)
    if told is None or any(f.why.startswith("the first of the largest") for f in told[0].findings):
        return False  # float32 noise decides between equal sums
    reading, codes, wanted, found = told
    off = np.abs(wanted - found) > max(0.05, 2.0**-20 * reading.graph.results[0].type.largest)
    wrong = off.reshape(len(found), -1).any(axis=1)
    assert not (wrong & ~on_unstable_codes(reading, codes)).any(), f"seed {seed}"
    return True


def test_networks_with_scales_that_are_powers_of_two_are_exact() -> None:
    assert sum(equal(seed) for seed in range(60)) > 35


def test_networks_with_any_scales_differ_on_listed_codes_only() -> None:
    assert sum(near(seed) for seed in range(30)) > 10


@pytest.mark.long
def test_thousands_of_networks_are_exact() -> None:
    assert sum(equal(seed) for seed in range(60, 4000)) > 3000


@pytest.mark.long
def test_hundreds_of_networks_with_any_scales_differ_on_listed_codes_only() -> None:
    assert sum(near(seed) for seed in range(30, 800)) > 350
