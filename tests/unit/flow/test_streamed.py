"""Designs of the dataflow architecture: from a Keras model to verified Verilog, by pace or by folding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import ConfigError, Unsupported
from bitwright.flow.exploring import plan_table
from bitwright.flow.streamed import StreamDesign


@pytest.fixture(scope="module")
def model() -> Any:
    """A convolution with a residual, pooled, and a dense layer."""
    keras.utils.set_random_seed(5)
    entry = keras.Input((6, 6, 2), name="x")
    x = bw.QActivation(bw.quantized_bits(4, 1, alpha=1), name="quantize")(entry)
    x = bw.QConv2D(4, 3, padding="same", kernel_quantizer=bw.quantized_bits(3, 0, alpha=1), name="c1")(x)
    kept = x = bw.QActivation(bw.quantized_relu(3, 2), name="a1")(x)
    x = bw.QConv2D(4, 3, padding="same", kernel_quantizer=bw.binary(alpha=1), use_bias=False, name="c2")(x)
    x = keras.layers.Add(name="add")([bw.QActivation(bw.quantized_bits(4, 3, alpha=1), name="a2")(x), kept])
    x = keras.layers.MaxPooling2D(2, name="pool")(bw.QActivation(bw.quantized_relu(3, 3), name="a3")(x))
    x = bw.QDense(3, kernel_quantizer=bw.quantized_bits(4, 0, alpha=1), name="head")(keras.layers.Flatten()(x))
    return keras.Model(entry, x, name="little")


@pytest.fixture(scope="module")
def design(model: Any) -> Any:
    return bw.compile(model, device="xc7z020", clock_mhz=100, initiation_cycles=400)


def test_a_pace_makes_a_streaming_design_that_keeps_it(design: Any) -> None:
    assert isinstance(design, StreamDesign)
    found = design.estimate()
    assert found.initiation_cycles <= 400
    assert found.frames_per_second == pytest.approx(1e8 / found.initiation_cycles)
    assert found.luts > 200
    assert {"c1", "c2", "add", "head"} <= set(found.by_layer)


def test_keras_graph_dataflow_and_verilog_agree_to_the_bit_and_the_cycle(design: Any, model: Any) -> None:
    x = np.random.default_rng(0).normal(size=(5, 6, 6, 2)).astype(np.float32)
    certificate = design.verify(x)
    levels = {row.after for row in certificate.comparisons}
    assert {"graph", "dataflow", "RTL (always ready)", "RTL (random pauses)"} <= levels
    assert certificate.differences == 0
    assert np.array_equal(design.predict(x), model.predict(x, verbose=0))


def test_a_folding_overrides_single_layers(design: Any, model: Any) -> None:
    one = {"c1": {"SIMD": 1, "PE": 4}}
    told = bw.compile(model, device="xc7z020", clock_mhz=100, initiation_cycles=400, folding=one)
    assert (told.foldings["c1"].lanes, told.foldings["c1"].units) == (1, 4)
    assert told.foldings["head"] == design.foldings["head"]
    with pytest.raises(ConfigError, match="did you mean c1"):
        bw.compile(model, folding={"c11": {"SIMD": 1}}).estimate()


def test_what_is_written_is_complete_and_repeats_byte_for_byte(design: Any, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        design.write(tmp_path / folder)
    first, second = (json.loads((tmp_path / folder / "manifest.json").read_text()) for folder in ("a", "b"))
    assert first == second
    assert {"rtl/little.v", "folding.json", "programs/dataflow.txt", "tb/little_tb.v"} <= set(first["files"])
    assert json.loads((tmp_path / "a" / "folding.json").read_text())["c1"]["PE"] == design.foldings["c1"].units


def test_exploration_says_what_binds_and_proves_it(model: Any) -> None:
    plan = bw.explore(model, "xc7z020", clock_mhz=100, target_fps=250_000)
    assert plan.proved
    assert plan.fps >= 250_000
    assert "proved the best" in plan_table(plan)
    with pytest.raises(Unsupported, match="does not fit"):
        bw.explore(model, "xc7z020", clock_mhz=100, target_fps=250_000, budget={"luts": 100})
