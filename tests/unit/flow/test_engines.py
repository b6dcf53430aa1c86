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
def design() -> Any:
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
    model = keras.Model(entry, x, name="little")
    return bw.compile(model, device="xc7z020", clock_mhz=100, architecture="engine", engine_lanes=4)


def test_an_engine_tells_its_cycles(design: Any) -> None:
    assert isinstance(design, EngineDesign)
    found = design.estimate()
    assert sum(found.by_layer.values()) == found.initiation_cycles > found.latency_cycles
    assert found.frames_per_second == pytest.approx(100e6 / found.initiation_cycles)


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
