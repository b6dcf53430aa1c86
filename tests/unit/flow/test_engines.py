"""Designs of the engine architecture: from a Keras model to verified Verilog and exact cycles."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import bitwright as bw
from bitwright.core.errors import ConfigError
from bitwright.flow.engines import EngineDesign


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
    """Everything on the chip."""
    return bw.compile(model, device="xc7z020", clock_mhz=100, architecture="engine", engine_lanes=4)


@pytest.fixture(scope="module")
def outside(model: Any) -> Any:
    """Weights from external memory."""
    memory = {"buffer_words": 9, "data_bits": 32}
    return bw.compile(model, device="xc7z020", architecture="engine", engine_lanes=4, engine_memory=memory)


def test_an_engine_tells_its_cycles(design: Any) -> None:
    assert isinstance(design, EngineDesign)
    found = design.estimate()
    assert sum(found.by_layer.values()) == found.initiation_cycles > found.latency_cycles
    assert found.frames_per_second == pytest.approx(100e6 / found.initiation_cycles)


def test_an_engine_predicts_its_area(design: Any, outside: Any) -> None:
    """Counted by yosys 0.23 on xc7: 1,044 LUTs and 487 flip-flops, with weights outside 1,392 and 656."""
    inside, found = design.estimate(), outside.estimate()
    assert inside.luts == pytest.approx(1044, rel=0.25)
    assert found.luts == pytest.approx(1392, rel=0.25)
    assert (inside.ffs, found.ffs) == (pytest.approx(487, rel=0.2), pytest.approx(656, rel=0.2))
    assert (inside.dsps, inside.bram18s) == (found.dsps, found.bram18s) == (4, 1)


def test_keras_graph_and_engine_agree_to_the_bit(design: Any) -> None:
    certificate = design.verify(np.random.default_rng(0).uniform(-2, 2, (20, 6, 6, 2)).astype(np.float32), rtl=False)
    assert {"graph", "engine"} <= {row.after for row in certificate.comparisons}


@pytest.mark.long
@pytest.mark.tool("verilator")
def test_keras_graph_engine_and_verilog_agree_to_the_bit_and_the_cycle(design: Any) -> None:
    x = np.random.default_rng(0).uniform(-2, 2, (40, 6, 6, 2)).astype(np.float32)
    certificate = design.verify(x)
    levels = {row.after for row in certificate.comparisons}
    assert {"graph", "engine", "RTL (always ready)", "RTL (random pauses)"} <= levels


def test_what_is_written_is_complete_and_the_same_again(design: Any, tmp_path: Path) -> None:
    first, second = (json.loads((design.write(tmp_path / n) / "manifest.json").read_text()) for n in "ab")
    assert first == second
    assert {"rtl/little.v", "rtl/little_program.hex", "rtl/bw_engine.v", "programs/engine.txt"} <= set(first["files"])


def test_an_engine_without_lanes_is_refused() -> None:
    with pytest.raises(ConfigError, match="engine_lanes"):
        bw.Options(architecture="engine", engine_lanes=0)


def test_the_image_of_external_memory_is_written_with_its_map(outside: Any, tmp_path: Path) -> None:
    outside.write(tmp_path)
    told = json.loads((tmp_path / "manifest.json").read_text())["memory"]
    data = (tmp_path / told["file"]).read_bytes()
    assert len(data) == told["bytes"]
    assert [run["offset"] % told["align"] for run in told["runs"]] == [0] * len(told["runs"])
    # The first word of all copies: ones on the diagonal, in the bits that a weight has.
    word = int.from_bytes(data[: told["runs"][0]["bytes"]], "little")
    width = outside.program.machine.weight.width
    assert word == sum(1 << (4 * lane + lane) * width for lane in range(4))


def test_external_memory_changes_no_bit_and_tells_what_it_moves(outside: Any) -> None:
    x = np.random.default_rng(0).uniform(-2, 2, (20, 6, 6, 2)).astype(np.float32)
    assert "engine" in {row.after for row in outside.verify(x, rtl=False).comparisons}
    found = outside.estimate()
    assert sum(found.by_layer.values()) == found.initiation_cycles
    assert 0 < found.fetched_bits < found.external_bits
    assert found.preparing_cycles > 0


@pytest.mark.long
@pytest.mark.tool("verilator")
def test_verilog_with_external_memory_agrees_to_the_bit_and_the_cycle(outside: Any) -> None:
    x = np.random.default_rng(0).uniform(-2, 2, (40, 6, 6, 2)).astype(np.float32)
    levels = {row.after for row in outside.verify(x).comparisons}
    assert {"graph", "engine", "RTL (always ready)", "RTL (random pauses)"} <= levels


def test_what_memory_is_not_is_refused(model: Any) -> None:
    with pytest.raises(ConfigError, match="use latency_cycles"):
        bw.compile(model, architecture="engine", engine_memory={"latency": 3}).estimate()
