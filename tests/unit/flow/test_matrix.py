"""A matrix without a network: the same kind of design, exact for every input format."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import InvalidValue
from bitwright.ir import netlist as netlists


def a_matrix(inputs: int = 6, outputs: int = 4) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.integers(-20, 20, (inputs, outputs)), rng.integers(-99, 99, outputs)


@pytest.mark.parametrize("device", ["xcvu9p", "lfe5u-25"])
def test_a_matrix_is_exact_on_every_level(device: str) -> None:
    weights, bias = a_matrix()
    design = bw.compile_matrix(weights, bias, input_format="s5.2", device=device)
    codes = np.random.default_rng(0).integers(-16, 16, (200, 6))
    wanted = codes @ weights + bias
    assert (design.predict_codes(codes / 4) == wanted).all()
    assert (netlists.run(design.netlist, [codes])[0] == wanted).all()
    assert (design.predict(codes / 4) == wanted / 4).all()
    assert not any(row.differences for row in design.verify(rtl=False).comparisons)


def test_inputs_may_differ_in_step_and_interval() -> None:
    weights, bias = a_matrix(3)
    design = bw.compile_matrix(weights, bias, input_format=["s6.3", "u4.1", (-3, 9)])
    x = np.array([[-4.0, 7.5, -3.0], [3.875, 0.0, 9.0], [0.125, 0.5, 1.0]])
    assert (design.predict(x) == x @ weights + bias / 8).all()
    low, high = design.graph.inputs[0].type.bounds()
    assert low.tolist() == [-32, 0, -3]
    assert high.tolist() == [31, 15, 9]


def test_a_deeper_circuit_is_allowed_only_when_asked_for() -> None:
    weights, _ = a_matrix(32, 2)
    shallow, deep = (bw.compile_matrix(weights, max_depth=depth) for depth in (None, 12))
    assert shallow.estimate().luts >= 0.9 * deep.estimate().luts
    with pytest.raises(InvalidValue, match="levels"):
        _ = bw.compile_matrix(weights, max_depth=1).netlist


def test_the_manifest_says_how_long_the_search_went_on_and_a_replay_is_identical(tmp_path: Path) -> None:
    weights, bias = a_matrix(12, 8)
    first = bw.compile_matrix(weights, bias, budget_s=0.05, seed=7)
    manifest = json.loads((first.write(tmp_path / "a", axis=False) / "manifest.json").read_text())
    ((layer, rounds),) = manifest["search_rounds"]
    assert layer == "y"
    assert bw.compile_matrix(weights, bias, seed=7, effort=rounds).netlist == first.netlist


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"weights": [[0.5]]}, "no integers"),
        ({"weights": [1, 2]}, "shape"),
        ({"weights": [[1, 2]], "bias": [1]}, "1 biases for 2 outputs"),
        ({"weights": [[1], [2]], "input_format": ["s4.0"]}, "1 input formats for 2 rows"),
        ({"weights": [[1]], "input_format": [(3, 1)]}, "empty"),
    ],
)
def test_a_matrix_that_is_none_is_refused(told: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidValue, match=message):
        bw.compile_matrix(**told)  # pyright: ignore[reportArgumentType]
