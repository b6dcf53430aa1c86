"""Mixed designs, from a Keras model to verified Verilog; and which architecture "auto" takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import ConfigError
from bitwright.flow.design import Design
from bitwright.flow.exploring import architectures_table
from bitwright.flow.mixing import MixedDesign, choose
from bitwright.flow.streamed import StreamDesign


@pytest.fixture(scope="module")
def model() -> Any:
    """Two convolutions, pooled, and a dense layer."""
    keras.utils.set_random_seed(5)
    entry = keras.Input((6, 6, 2), name="x")
    x = bw.QActivation(bw.quantized_bits(4, 1, alpha=1), name="quantize")(entry)
    x = bw.QConv2D(4, 3, padding="same", kernel_quantizer=bw.quantized_bits(3, 0, alpha=1), name="c1")(x)
    x = bw.QActivation(bw.quantized_relu(3, 2), name="a1")(x)
    x = bw.QConv2D(4, 3, padding="same", kernel_quantizer=bw.binary(alpha=1), use_bias=False, name="c2")(x)
    x = keras.layers.MaxPooling2D(2, name="pool")(bw.QActivation(bw.quantized_relu(3, 3), name="a2")(x))
    x = bw.QDense(3, kernel_quantizer=bw.quantized_bits(4, 0, alpha=1), name="head")(keras.layers.Flatten()(x))
    return keras.Model(entry, x, name="little")


@pytest.fixture(scope="module")
def design(model: Any) -> Any:
    segment = {"given": "a1", "made": "a2"}
    return bw.compile(
        model, device="xc7z020", clock_mhz=100, architecture="mixed", segment=segment, engine_lanes=4
    )  # fmt: skip


def test_an_engine_takes_the_layers_that_it_is_told(design: Any) -> None:
    assert isinstance(design, MixedDesign)
    assert [type(node.op).__name__ for node in design.engine.nodes] == ["Load", "Matrix", "Store"]
    found = design.estimate()
    assert found.initiation_cycles == design.plan.initiation_cycles
    assert "engine" in found.by_layer
    assert "c2" not in design.foldings
    assert {"c1", "pool", "head"} <= set(design.foldings)


def test_keras_graph_and_mixed_program_agree_to_the_bit(design: Any, model: Any) -> None:
    x = np.random.default_rng(0).normal(size=(4, 6, 6, 2)).astype(np.float32)
    certificate = design.verify(x, rtl=False)
    assert "mixed" in {row.after for row in certificate.comparisons}
    assert certificate.differences == 0
    assert np.array_equal(design.predict(x), model.predict(x, verbose=0))


@pytest.mark.long
@pytest.mark.tool("verilator")
def test_the_verilog_of_streams_and_engine_keeps_the_computed_cycles(design: Any) -> None:
    x = np.random.default_rng(0).normal(size=(4, 6, 6, 2)).astype(np.float32)
    levels = {row.after for row in design.verify(x).comparisons}
    assert {"RTL (always ready)", "RTL (random pauses)"} <= levels


def test_what_is_written_holds_both_programs_and_what_was_chosen(design: Any, tmp_path: Path) -> None:
    record = json.loads((design.write(tmp_path) / "manifest.json").read_text())
    assert {"programs/engine.txt", "programs/dataflow.txt", "folding.json", "rtl/bw_engine.v"} <= set(record["files"])
    assert record["options"]["segment"] == {"given": "a1", "made": "a2"}
    assert record["architecture"] == "mixed"


def test_auto_unrolls_without_a_pace_and_explores_with_one(model: Any) -> None:
    told = {"device": "xc7z020", "clock_mhz": 100}
    assert type(bw.compile(model, **told)) is Design
    paced = bw.compile(model, **told, target_fps=1000.0)
    assert isinstance(paced, StreamDesign)
    assert paced.options.architecture in ("dataflow", "mixed")
    assert paced.estimate().frames_per_second >= 1000


def test_a_segment_without_both_ends_is_refused(model: Any) -> None:
    wrong = bw.compile(model, device="xc7z020", architecture="mixed", segment={"from": "a1"})
    with pytest.raises(ConfigError, match="segment="):
        _ = wrong.plan


def test_too_large_to_unroll_is_explored_and_what_streams_do_not_know_is_not(design: Any) -> None:
    options = bw.Options(device="xc7z020", clock_mhz=100)
    assert choose(design.graph, options, lambda: design.streamed)[0].architecture == "parallel"
    paced = bw.Options(device="xc7z020", clock_mhz=100, initiation_cycles=2000)
    told, plan = choose(design.graph, paced, lambda: design.streamed)
    assert plan is not None
    assert told.architecture == plan.architecture
    assert plan.initiation_cycles <= 2000


def test_the_table_tells_every_architecture_and_why_one_is_none(design: Any) -> None:
    found = bw.explore_architectures(design.streamed, "xc7z020", clock_mhz=100, only=("dataflow", "engine"))
    table = architectures_table(found)
    assert "dataflow" in table.splitlines()[1]
    assert f"best (max_throughput): {found.best.architecture}" in table
