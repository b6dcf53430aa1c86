"""Emitted benches in Icarus: random netlists, AXI4-Stream under back-pressure, and faults that must be found."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from tests.generate import every_vector, narrowed, random_netlist, random_vectors

from bitwright.backends.verilog import Emitted, emit
from bitwright.ir.netlist import Netlist, check, run
from bitwright.ir.netlist.ops import Register, Table
from bitwright.numeric import Ints
from bitwright.toolchain import lint, run_bench

SEEDS = range(40)
pytestmark = pytest.mark.tool("iverilog", "verilator")


def drawn(seed: int, stages: int | None = None) -> Netlist:
    rng = random.Random(seed)
    words, depth = rng.choice((15, 40, 90)), rng.randint(0, 4)
    return check(
        random_netlist(
            rng,
            words=words,
            stages=depth if stages is None else stages,
            inputs=rng.randint(1, 6),
            outputs=rng.randint(1, 16),
            name=f"r{seed}",
        )
    )


def write(made: Emitted, folder: Path) -> Path:
    for name, text in made.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def simulated(made: Emitted, folder: Path, axis: bool = False) -> str:
    write(made, folder)
    names = (*made.axis_sources, *made.axis_benches) if axis else (*made.sources, *made.benches)
    images = [name for name in made.files if name.endswith(".hex")]
    top = f"{made.axis_top if axis else made.top}_tb"
    return run_bench([folder / name for name in (*names, *images)], top, workdir=folder / "sim").strip()


@pytest.mark.parametrize("seed", SEEDS)
def test_random_netlists_answer_like_run_after_exactly_their_latency(seed: int, tmp_path: Path) -> None:
    netlist = drawn(seed)
    codes = random_vectors(netlist, random.Random(seed), 60)
    made = emit(netlist, valid=seed % 2 == 1, vectors=(codes, run(netlist, codes)))
    assert simulated(made, tmp_path) == f"PASS {len(codes[0])} vectors"
    assert lint([tmp_path / name for name in made.sources], made.top) == ()


@pytest.mark.parametrize("seed", range(10))
def test_words_of_up_to_sixty_bits_are_exact(seed: int, tmp_path: Path) -> None:
    netlist = check(random_netlist(random.Random(seed), words=60, stages=1, widest_input=31, widest=30, name="w"))
    codes = random_vectors(netlist, random.Random(seed), 60)
    made = emit(netlist, vectors=(codes, run(netlist, codes)))
    assert simulated(made, tmp_path) == f"PASS {len(codes[0])} vectors"
    assert lint([tmp_path / name for name in made.sources], made.top) == ()


@pytest.mark.parametrize("seed", SEEDS)
def test_ranges_proven_tighter_than_inferred_keep_every_bit(seed: int, tmp_path: Path) -> None:
    rng = random.Random(100 + seed)
    netlist = check(narrowed(random_netlist(rng, words=50, stages=seed % 3, inputs=3, widest_input=4, name="n")))
    codes = every_vector(netlist)
    made = emit(netlist, vectors=(codes, run(netlist, codes)))
    assert simulated(made, tmp_path) == f"PASS {len(codes[0])} vectors"
    assert lint([tmp_path / name for name in made.sources], made.top) == ()


@pytest.mark.parametrize("seed", range(15))
def test_axi_stream_keeps_every_beat_in_order_while_both_ends_pause(seed: int, tmp_path: Path) -> None:
    netlist = drawn(seed, stages=seed % 6)
    codes = random_vectors(netlist, random.Random(seed), 250)
    made = emit(netlist, axis=True, vectors=(codes, run(netlist, codes)))
    assert re.fullmatch(rf"PASS {len(codes[0])} beats, \d+ cycles", simulated(made, tmp_path, axis=True))
    assert made.axis_top is not None
    assert lint([tmp_path / name for name in made.axis_sources], made.axis_top) == ()
    assert lint([tmp_path / name for name in made.sources], made.top) == ()


@pytest.mark.parametrize("stages", [0, 1, 3])
def test_axi_stream_takes_a_beat_in_every_cycle_while_nobody_pauses(stages: int, tmp_path: Path) -> None:
    netlist = drawn(7, stages=stages)
    codes = random_vectors(netlist, random.Random(7), 100)
    made = emit(netlist, axis=True, vectors=(codes, run(netlist, codes)))
    bench = f"tb/{made.axis_top}_tb.v"
    eager = made.files[bench].replace(".IN_BITS(", ".PAUSE(0), .IN_BITS(")
    told = simulated(replace(made, files=made.files | {bench: eager}), tmp_path, axis=True)
    beats = len(codes[0])
    # One cycle for `awake` after the reset, then the latency, then a beat in every cycle.
    assert told == f"PASS {beats} beats, {1 + made.latency_cycles + 1 + beats} cycles"


def _with(netlist: Netlist, kind: type, change: object) -> Netlist:
    """`netlist` with the first `kind` replaced by what `change` makes of its node."""
    nodes = list(netlist.nodes)
    place = next(i for i, node in enumerate(nodes) if isinstance(node.op, kind) and node.args)
    nodes[place] = change(nodes[place])  # pyright: ignore[reportCallIssue]
    return replace(netlist, nodes=tuple(nodes))


def _dropped(netlist: Netlist) -> Netlist:
    """Without the first register: its readers read what it held."""
    place = next(i for i, node in enumerate(netlist.nodes) if isinstance(node.op, Register))
    source = netlist.nodes[place].args[0]
    nodes = tuple(replace(node, args=tuple(source if a == place else a for a in node.args)) for node in netlist.nodes)
    return replace(netlist, nodes=nodes)


def _flipped(netlist: Netlist) -> Netlist:
    return _with(
        netlist,
        Table,
        lambda node: replace(node, op=Table(node.op.start, Ints(node.op.values.array[::-1].copy()))),
    )


@pytest.mark.parametrize("fault", [_dropped, _flipped])
def test_a_planted_fault_is_found_by_the_bench(fault: object, tmp_path: Path) -> None:
    for seed in range(60):
        good = drawn(seed, stages=2)
        kinds = {type(node.op) for node in good.nodes}
        codes = random_vectors(good, random.Random(seed), 60)
        if Table in kinds and _matters(good, codes):
            break
    bad = fault(good)  # pyright: ignore[reportCallIssue]
    made = emit(bad, vectors=(codes, run(good, codes)))
    if fault is _dropped:
        # The bench of the good design: same vectors, same latency.
        right = emit(good, vectors=(codes, run(good, codes)))
        made = replace(made, files=made.files | {name: right.files[name] for name in right.benches})
    told = simulated(made, tmp_path)
    assert told.startswith("FAIL vector")
    assert re.search(r"FAIL \d+ differences in \d+ vectors", told)


def _matters(netlist: Netlist, codes: list) -> bool:
    """Whether the first register's words and the first table's order are seen at the outputs."""
    flipped = run(_flipped(netlist), codes)
    return any((a != b).any() for a, b in zip(flipped, run(netlist, codes), strict=True))
