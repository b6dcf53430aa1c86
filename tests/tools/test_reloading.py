"""Weights and thresholds written over AXI4-Lite into simulated RTL, which then computes what the program does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.flow.test_reloading import FOLDING, frames, make_model, matrices, other_weights

import bitwright as bw
from bitwright.flow.streams import StreamBatch
from bitwright.ir import graph
from bitwright.toolchain import lint, run_bench

pytestmark = pytest.mark.tool("verilator")


@pytest.fixture(scope="module")
def design() -> Any:
    folding = FOLDING | {"c1": {"SIMD": 2, "PE": 2, "weights": "block"}, "head": {"SIMD": 3, "PE": 4}}
    writable = {"c1": 4, "fc": None, "head": "s4"}
    return bw.compile(make_model(1), device="xc7z020", clock_mhz=100, folding=folding, writable=writable)


@pytest.fixture(scope="module")
def ultra(design: Any) -> Any:
    """The same with weights in UltraRAM, which hold nothing at first, and units that share multiplier blocks."""
    c1 = {"SIMD": 2, "PE": 2, "weights": "ultra", "resType": "dsp"}
    folding = FOLDING | {"c1": c1, "head": {"SIMD": 3, "PE": 4, "resType": "dsp"}}
    return bw.compile(make_model(1), device="xczu7ev", clock_mhz=100, folding=folding, writable={"c1": 4})


@pytest.fixture(scope="module")
def batch(design: Any, ultra: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamBatch]:
    """Both in one simulator."""
    with StreamBatch([design.program, ultra.program], workdir=tmp_path_factory.mktemp("reload"), frames=4) as made:
        yield made


def agrees(batch: StreamBatch, design: Any, other: Any, seed: int, pauses: int | None = None) -> bool:
    codes = frames(design, seed)
    found = batch.run([codes, codes], source_ready=pauses, sink_ready=pauses)[0]
    wanted = graph.run(other.graph, codes)[0]
    if pauses is None:
        assert found.frame_ends.tolist() == design.frame_ends(4)
    return np.array_equal(found.outputs[0].reshape(wanted.shape), wanted)


def test_written_weights_and_thresholds_are_computed_with(batch: StreamBatch, design: Any) -> None:
    for seed in range(3):
        other = design.with_weights(other_weights(design, seed))
        batch.load(0, other.memory_words())
        assert agrees(batch, design, other, seed)
        assert agrees(batch, design, other, seed, pauses=5)
        assert not agrees(batch, design, design, seed)
    batch.load(0, design.memory_words())
    assert agrees(batch, design, design, 9)


def test_another_model_is_loaded_layer_by_layer(batch: StreamBatch, design: Any) -> None:
    other = design.with_model(make_model(8))
    words = other.memory_words()
    for name in words:
        batch.load(0, {name: words[name]})
    assert agrees(batch, design, other, 4)


def test_only_the_last_register_of_a_word_writes_it(batch: StreamBatch, design: Any) -> None:
    batch.load(0, design.memory_words())
    other = design.with_weights(other_weights(design, 2))
    memory = next(m for m in design.registers()["memories"] if m["bits"] > 32)
    words = other.memory_words()[memory["name"]]
    first = [(memory["offset"] + i * memory["stride"], word & 0xFFFFFFFF) for i, word in enumerate(words)]
    assert batch.write(0, first) == [0] * len(first)
    assert agrees(batch, design, design, 2)


def test_registers_are_read_back_and_wrong_writes_answered(batch: StreamBatch, design: Any) -> None:
    record = design.registers()
    batch.load(0, design.memory_words())
    before = agrees(batch, design, design, 6)
    told = [int(r["value"], 16) for r in record["registers"] if "value" in r]
    assert batch.read(0, [0, 4, 8]) == [(value, 0) for value in told]
    assert batch.read(0, [12]) == [(4, 0)]
    memory = record["memories"][0]
    behind = memory["offset"] + memory["words"] * memory["stride"]
    assert batch.write(0, [(0, 1), (16, 1), (behind, 1), (memory["offset"], 0)]) == [2, 2, 2, 0]
    assert batch.write(0, [(memory["offset"] + memory["stride"], 0)], strobe=7) == [2]
    assert batch.read(0, [memory["offset"], behind, 0x800]) == [(0, 0), (0, 2), (0, 2)]
    batch.load(0, {memory["name"]: design.memory_words()[memory["name"]][:1]})
    assert before
    assert agrees(batch, design, design, 6)


@pytest.mark.tool("iverilog")
def test_a_written_build_has_its_map_is_lint_clean_and_passes_its_bench(design: Any, tmp_path: Path) -> None:
    root = design.write(tmp_path / "build", vectors=2)
    assert json.loads((root / "registers.json").read_text()) == design.registers()
    assert "registers.json" in json.loads((root / "manifest.json").read_text())["files"]
    emitted = design.emit(vectors=2)
    assert lint([root / name for name in emitted.sources], emitted.top) == ()
    paths = [root / name for name in emitted.files if name.endswith((".v", ".hex"))]
    assert run_bench(paths, f"{emitted.top}_tb", workdir=tmp_path).startswith("PASS 2 frames, ")


def test_ultra_memory_is_written_before_the_first_frame(batch: StreamBatch, ultra: Any) -> None:
    codes = frames(ultra)
    found = batch.run([codes, codes])[1]
    wanted = graph.run(ultra.graph, codes)[0]
    assert np.array_equal(found.outputs[0].reshape(wanted.shape), wanted)
    assert ultra.emit(vectors=2).benches == ()
    assert [len(op.joint.outputs) for name, op in matrices(ultra).items() if name != "fc"] == [2, 2]
    assert found.frame_ends.tolist() == ultra.frame_ends(4)


@pytest.mark.long
def test_a_design_is_simulated_with_the_numbers_of_another(design: Any) -> None:
    other = design.with_weights(other_weights(design, 3))
    codes = frames(design, 1)
    found = design.simulate_reload(codes, other, pauses=3)
    wanted = graph.run(other.graph, codes)[0]
    assert np.array_equal(found.outputs[0].reshape(wanted.shape), wanted)
