"""Planted faults: each is caught by verify and located by diff."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tests.keras_models import dense, inputs_for, quantized, randomize, tiny

import bitwright as bw
from bitwright.core.errors import InvalidValue, Mismatch, StorageError, ToolFailed, ToolMissing, ToolTimeout
from bitwright.flow import verification
from bitwright.flow.design import Design
from bitwright.frontends.keras import Finding
from bitwright.ir.graph import Graph
from bitwright.ir.graph.ops import Dense, GraphOp, Map
from bitwright.ir.netlist import Netlist
from bitwright.ir.netlist.ops import Register, Sum
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Table, Thresholds


def _with_op(graph: Graph, position: int, op: GraphOp) -> Graph:
    nodes = list(graph.nodes)
    nodes[position] = replace(nodes[position], op=op)
    return replace(graph, nodes=tuple(nodes))


def _position(graph: Graph, wanted: Callable[[Any], bool]) -> int:
    return next(i for i, node in enumerate(graph.nodes) if wanted(node.op))


def caught_and_located(design: Design, before: str, after: str, *words: str) -> str:
    with pytest.raises(Mismatch) as caught:
        design.verify(rtl=False)
    assert f"{before} " in caught.value.what
    assert f"{after} " in caught.value.what
    assert "bitwright diff" in caught.value.remedy
    found = design.diff()
    assert found is not None
    for word in words:
        assert word in found, found
    return found


def test_a_sound_design_has_no_difference(design: Design, model: Any) -> None:
    assert design.diff() is None
    assert design.diff(x=inputs_for(model)) is None


def test_one_flipped_weight_bit_is_caught_and_located(design: Design) -> None:
    for layer in ("hidden", "logits"):
        at = next(i for i, n in enumerate(design.graph.nodes) if isinstance(n.op, Dense) and n.origin.layer == layer)
        op: Any = design.graph.nodes[at].op
        weights = op.weights.array.copy()
        weights[1, 1] ^= 1
        faulty = replace(design, graph=_with_op(design.graph, at, replace(op, weights=Ints(weights))))
        caught_and_located(faulty, "graph", "built graph", f"layer '{layer}'", "element (1,)")


def test_another_rounding_mode_is_caught_and_located(design: Design) -> None:
    at = _position(design.graph, lambda op: isinstance(op, Map) and isinstance(op.form, ShiftRoundSaturate))
    op: Any = design.graph.nodes[at].op
    assert op.form.rounding is Rounding.HALF_EVEN
    for rounding in (Rounding.FLOOR, Rounding.HALF_UP, Rounding.TRUNCATE):
        form = replace(op.form, rounding=rounding)
        faulty = replace(design, graph=_with_op(design.graph, at, replace(op, form=form)))
        caught_and_located(faulty, "graph", "built graph", "layer 'hidden'")


def _with_thresholds() -> Design:
    x = keras.Input((3,), name="x")
    y = bw.QActivation("ternary(alpha=1)", name="three")(dense(4, "first")(quantized(x)))
    return bw.compile(randomize(keras.Model(x, dense(2, "last")(y), name="three")))


def test_one_moved_threshold_is_caught_and_located() -> None:
    design = _with_thresholds()
    at = _position(design.graph, lambda op: isinstance(op, Map) and isinstance(op.form, Thresholds))
    op: Any = design.graph.nodes[at].op
    steps = op.form.thresholds.array.copy()
    steps[0, 0] += 1
    form = replace(op.form, thresholds=Ints(steps))
    faulty = replace(design, graph=_with_op(design.graph, at, replace(op, form=form)))
    caught_and_located(faulty, "graph", "built graph", "layer 'three'", "tensor 'three'")


def _without(netlist: Netlist, register: int) -> Netlist:
    """The register's readers read what it reads."""
    source = netlist.nodes[register].args[0]

    def moved(positions: Sequence[int]) -> tuple[int, ...]:
        return tuple(source if p == register else p for p in positions)

    nodes = tuple(replace(n, args=moved(n.args)) for n in netlist.nodes)
    results = tuple(replace(p, words=moved(p.words)) for p in netlist.results)
    return replace(netlist, nodes=nodes, outputs=moved(netlist.outputs), results=results)


def test_every_dropped_register_is_caught_and_located(design: Design) -> None:
    registers = [i for i, n in enumerate(design.netlist.nodes) if isinstance(n.op, Register)]
    layers = {n.origin.layer for n in design.netlist.nodes}
    assert len(registers) > 10
    for register in registers:
        faulty = replace(design)
        faulty.__dict__["netlist"] = _without(design.netlist, register)
        found = faulty.diff()
        assert found is not None, design.netlist.nodes[register]
        assert "register is missing" in found or "outputs come after" in found
        assert "outputs come after" in found or any(f"layer '{layer}'" in found for layer in layers)
        with pytest.raises(Mismatch, match="pipelined netlist"):
            faulty.verify(rtl=False)


def test_one_changed_word_is_caught_and_located(design: Design) -> None:
    sound = design.netlist
    sums = [i for i, n in enumerate(sound.nodes) if isinstance(n.op, Sum)][:5]
    assert len(sums) > 3
    for at in sums:
        node = sound.nodes[at]
        op: Any = node.op
        faulty = replace(design)
        changed = replace(node, op=replace(op, shifts=(op.shifts[0] + 1, *op.shifts[1:])))
        faulty.__dict__["netlist"] = replace(sound, nodes=(*sound.nodes[:at], changed, *sound.nodes[at + 1 :]))
        found = faulty.diff()
        assert found is not None
        assert f"layer '{node.origin.layer}'" in found
        with pytest.raises(Mismatch):
            faulty.verify(rtl=False)


def test_a_fault_before_the_pipeline_is_found_too(design: Design) -> None:
    sound = design.combinational
    at = next(i for i, n in enumerate(sound.nodes) if isinstance(n.op, Sum))
    op: Any = sound.nodes[at].op
    changed = replace(sound.nodes[at], op=replace(op, shifts=(op.shifts[0] + 1, *op.shifts[1:])))
    faulty = replace(design)
    faulty.__dict__["combinational"] = replace(sound, nodes=(*sound.nodes[:at], changed, *sound.nodes[at + 1 :]))
    faulty.__dict__["netlist"] = design.netlist
    caught_and_located(faulty, "built graph", "netlist", f"word {sound.nodes[at].name}")


@pytest.mark.tool("verilator", "g++")
def test_sound_verilog_agrees_and_one_edited_line_is_caught(
    design: Design, model: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = design.verify(inputs_for(model), float64=False, workdir=tmp_path / "sound")
    rtl = [c for c in certificate.comparisons if c.after.startswith("RTL")]
    assert [c.data for c in rtl] == ["data", "random", "corner"]
    assert all(c.differences == 0 for c in rtl)

    def edited(*args: Any, **told: Any) -> Any:
        emitted = sound(*args, **told)
        name = next(n for n in emitted.sources if "logits" in n)
        text = emitted.files[name]
        assert " + " in text
        return replace(emitted, files={**emitted.files, name: text.replace(" + ", " - ", 1)})

    sound = verification.emit
    monkeypatch.setattr(verification, "emit", edited)
    words = r"output 0, sample \d+, element \(\d,\): pipelined netlist -?\d+, RTL \("
    with pytest.raises(Mismatch, match=words) as caught:
        design.verify(float64=False, workdir=tmp_path / "edited")
    assert "random vectors" in caught.value.where


def test_an_edited_file_of_a_written_design_is_named(design: Design, tmp_path: Path) -> None:
    folder = design.write(tmp_path / "out")
    assert design.diff(folder=folder) is None
    file = next((folder / "rtl").glob("*logits*.v"))
    file.write_text(file.read_text().replace(" + ", " - ", 1))
    found = design.diff(folder=folder)
    assert found is not None
    assert f"rtl/{file.name} was changed" in found
    file.unlink()
    assert "is missing" in (design.diff(folder=folder) or "")


@pytest.mark.tool("verilator", "g++")
def test_an_edited_module_is_named_by_simulating_every_layer_alone(design: Design, tmp_path: Path) -> None:
    folder = design.write(tmp_path / "out", vectors=0)
    edits = {
        "tiny_logits": (" + ", " - ", r"layer 'logits', module tiny_logits, word \S+, sample \d+: netlist -?\d+, RTL"),
        "tiny_core": ("assign y[6:0] = ", "assign y[6:0] = ~", r"wiring between the layers, output y, element \(0,\)"),
    }
    for name, (before, after, words) in edits.items():
        file = folder / "rtl" / f"{name}.v"
        sound = file.read_text()
        assert before in sound
        file.write_text(sound.replace(before, after, 1))
        found = design.diff(folder=folder, rtl=True)
        assert found is not None
        assert re.match(words, found), found
        file.write_text(sound)


def test_a_folder_of_another_design_is_told_apart(design: Design, tmp_path: Path) -> None:
    folder = bw.compile(tiny(seed=1), clock_mhz=400.0).write(tmp_path / "other", vectors=0)
    assert "another design" in (design.diff(folder=folder) or "")
    with pytest.raises(StorageError, match=r"no folder of a design(?s:.*)try: "):
        design.diff(folder=tmp_path)


def test_two_models_differ_first_in_the_layer_that_was_changed(model: Any, design: Design) -> None:
    other = keras.models.clone_model(model)
    other.set_weights(model.get_weights())
    kernel, bias = other.get_layer("logits").get_weights()
    other.get_layer("logits").set_weights([-kernel, bias])
    assert design.diff(bw.compile(model, clock_mhz=100.0)) is None
    found = design.diff(bw.compile(other))
    assert found is not None
    assert found.startswith("tensor 'logits' of layer 'logits', sample ")


def test_models_of_other_shapes_cannot_be_compared(design: Design) -> None:
    x = keras.Input((5,))
    other = bw.compile(randomize(keras.Model(x, dense(2, "logits")(quantized(x)))))
    with pytest.raises(InvalidValue, match=r"inputs differ in shape(?s:.*)try: compare designs of one model"):
        design.diff(other)


# ---- codes that depend on how floats are compiled ------------------------------------------------------


def _one_code_wrong(design: Design) -> tuple[Design, int, int]:
    """Position of the map, the code: the map of 'three' gives another result for one code."""
    at = _position(design.source, lambda op: isinstance(op, Map))
    op: Any = design.source.nodes[at].op
    low, high = (int(b[0]) for b in design.source.nodes[design.source.nodes[at].args[0]].type.bounds())
    codes = np.arange(low, high + 1)
    values = op.form(codes, np.zeros(1, dtype=np.int64))
    code = int(codes[len(codes) // 2])
    values = np.where(codes == code, np.where(values > 0, -1, 1), values)
    form = Table(Ints([low] * op.form.count), Ints(np.repeat(values[None], op.form.count, axis=0)))
    graph = _with_op(design.source, at, Map(form, op.rows))
    return replace(design, source=graph, graph=graph), at, code


def test_codes_known_to_be_unstable_are_exempt_counted_and_shown() -> None:
    x = keras.Input((1,), name="x")
    y = bw.QActivation("ternary(alpha=1)", name="three")(dense(1, "first")(quantized(x)))
    design = bw.compile(randomize(keras.Model(x, y, name="three")))
    wrong, at, code = _one_code_wrong(design)
    with pytest.raises(Mismatch, match=r"Keras -?\d, graph -?\d"):
        wrong.verify(rtl=False)
    listed = replace(wrong, findings=(*design.findings, Finding("three", False, "a tie", at, ((0, code),))))
    certificate = listed.verify(rtl=False)
    assert certificate.differences == 0
    exempt = sum(c.exempt for c in certificate.comparisons if c.before == "Keras")
    assert exempt > 0
    proof = next(p for p in certificate.layers if p.layer == "three")
    assert (proof.exact, proof.unstable_codes, proof.examples) == (False, 1, (code,))
    elsewhere = replace(wrong, findings=(*design.findings, Finding("three", False, "a tie", at, ((0, code + 1),))))
    with pytest.raises(Mismatch):
        elsewhere.verify(rtl=False)


def test_a_normalization_that_hits_ties_lists_its_unstable_codes() -> None:
    x = keras.Input((2,), name="x")
    norm = keras.layers.BatchNormalization(name="tie")
    y = bw.QActivation("quantized_bits(6,2,alpha=1)", name="after")(norm(dense(4, "sum")(quantized(x))))
    model = randomize(keras.Model(x, y, name="ties"))
    beta, mean, variance = [0, 0.25, -0.5, 0.125], [0.75, 0.375, 1.5, -0.75], np.float32([9, 2.25, 36, 2.25])
    norm.set_weights([np.ones(4), np.array(beta), np.array(mean), variance - np.float32(norm.epsilon)])
    design = bw.compile(model)
    eager = {pair for f in design.findings for pair in f.unstable}
    assert eager
    certificate = design.verify(inputs_for(model), rtl=False, float64=True)
    assert certificate.differences == 0
    proof = next(p for p in certificate.layers if p.layer == "after")
    assert not proof.exact
    assert proof.unstable_codes >= len(eager)
    assert eager <= {pair for f in design.findings for pair in f.unstable}
    assert 0 < len(proof.examples) <= 8


# ---- tools that are not there, die, or hang ------------------------------------------------------------


def _fake(tmp_path: Path, body: str) -> str:
    path = tmp_path / "yosys"
    path.write_text(f"#!/bin/sh\ncase \"$1\" in -V) echo 'Yosys 0.23';; *) {body};; esac\n")
    path.chmod(0o755)
    return str(path)


def test_a_killed_synthesis_is_said_to_be_killed(
    design: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BITWRIGHT_YOSYS", _fake(tmp_path, "echo mapping; kill -9 $$"))
    with pytest.raises(ToolFailed, match=r"killed by SIGKILL(?s:.*)mapping(?s:.*)try: "):
        design.synthesize()
    assert design.measured is None


def test_a_synthesis_that_hangs_is_ended(design: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITWRIGHT_YOSYS", _fake(tmp_path, "exec sleep 600"))
    with pytest.raises(ToolTimeout, match="try: "):
        design.synthesize(timeout_s=0.3)


def test_missing_tools_are_named_with_the_package(design: Design, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("YOSYS", "VERILATOR", "CXX"):
        monkeypatch.setenv(f"BITWRIGHT_{name}", "none")
    with pytest.raises(ToolMissing, match=r"yosys(?s:.*)try: "):
        design.synthesize()
    with pytest.raises(ToolMissing, match="try: "):
        design.verify(float64=False)
    assert design.verify(rtl=False).differences == 0
