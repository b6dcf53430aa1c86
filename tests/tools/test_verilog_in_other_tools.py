"""Emitted Verilog in Verilator (many designs, one build) and in yosys."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.generate import random_netlist, random_vectors

from bitwright.backends.verilog import Emitted, emit, pack, unpack
from bitwright.ir.netlist import Netlist, run
from bitwright.ir.netlist.ops import Register
from bitwright.numeric import IntArray
from bitwright.toolchain import Ports, build, combine, synthesize


def _write(made: Emitted, folder: Path) -> list[Path]:
    for name, text in made.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return [folder / name for name in made.sources]


def _netlist(seed: int, words: int, stages: int) -> Netlist:
    rng = random.Random(seed)
    return random_netlist(rng, words=words, stages=stages, inputs=8, outputs=20, name=f"v{seed}")


def _fed(made: Emitted, codes: list[IntArray]) -> dict[str, np.ndarray]:
    """The vectors back to back, then as many cycles of zeros as the pipeline is long."""
    inputs = [p for p in made.ports if p.direction == "input"]
    return {
        p.name: np.pad(pack([c], [p]), ((0, made.latency_cycles), (0, 0))) for p, c in zip(inputs, codes, strict=True)
    }


@pytest.mark.tool("verilator", "g++", "make")
@pytest.mark.parametrize(("count", "words"), [(8, 60), pytest.param(100, 200, marks=pytest.mark.long)])
def test_random_netlists_answer_like_run_in_verilator(count: int, words: int, tmp_path: Path) -> None:
    netlists = [_netlist(seed, words, seed % 5) for seed in range(count)]
    made = [emit(netlist) for netlist in netlists]
    sides = [
        Ports(*(tuple((p.name, p.bits) for p in m.ports if p.direction == way) for way in ("input", "output")))
        for m in made
    ]
    together = combine([(m.top, ports) for m, ports in zip(made, sides, strict=True)])
    sources = [path for m in made for path in _write(m, tmp_path)]
    wrapper = tmp_path / "combined.v"
    wrapper.write_text(together.text)
    codes = [random_vectors(n, random.Random(i), 500) for i, n in enumerate(netlists)]
    with build([wrapper, *sources], together.top, together.ports, tmp_path / "sim") as simulation:
        seen = together.run(simulation, [_fed(m, c) for m, c in zip(made, codes, strict=True)])
    for netlist, m, given, rows in zip(netlists, made, codes, seen, strict=True):
        outputs = [p for p in m.ports if p.direction == "output"]
        for port, wanted in zip(outputs, run(netlist, given), strict=True):
            assert np.array_equal(unpack(rows[port.name][m.latency_cycles :], [port])[0], wanted), netlist.name


@pytest.mark.tool("verilator", "g++", "make")
def test_the_bench_runs_in_verilator_as_its_head_says(tmp_path: Path) -> None:
    netlist = _netlist(1, 40, 2)
    codes = random_vectors(netlist, random.Random(1), 20)
    made = emit(netlist, valid=True, vectors=(codes, run(netlist, codes)))
    _write(made, tmp_path)
    command = next(line for line in made.files[made.benches[0]].splitlines() if "verilator" in line)
    done = subprocess.run(
        command.partition("$ ")[2], shell=True, cwd=tmp_path / "tb", capture_output=True, text=True
    )
    assert f"PASS {len(codes[0])} vectors" in done.stdout, done.stdout + done.stderr


@pytest.mark.tool("yosys")
def test_yosys_maps_every_operator_and_keeps_no_more_flip_flops_than_registers(tmp_path: Path) -> None:
    netlist = _netlist(3, 70, 2)
    made = emit(netlist, axis=True, valid=True)
    counted = synthesize(_write(made, tmp_path), made.top, workdir=tmp_path / "synth", family="xc7")
    registers = sum(node.type.width for node in netlist.nodes if isinstance(node.op, Register))
    assert counted.luts > 0
    # Nothing is optimized into a flip-flop; the flags of `valid` come on top.
    assert 0 < counted.ffs <= registers + made.latency_cycles
    stream = [tmp_path / name for name in made.axis_sources]
    assert made.axis_top is not None
    assert synthesize(stream, made.axis_top, workdir=tmp_path / "synth", family="xc7").ffs > counted.ffs
