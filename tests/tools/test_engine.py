"""Engines in real tools: lint-clean, bit-exact under any back-pressure, in exactly the cycles that were computed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.engine_graphs import (
    alexnet,
    binary,
    codes,
    constants,
    grouped,
    moved,
    perceptron,
    residual,
    uneven,
    wide_head,
)

from bitwright.backends.verilog.engine import emit_engine
from bitwright.core.files import write_atomic
from bitwright.flow.streams import StreamBatch
from bitwright.ir import engine as engines
from bitwright.ir.engine import External
from bitwright.ir.graph import Graph, run
from bitwright.passes.engine import ScheduleEngine
from bitwright.platforms import device
from bitwright.toolchain import lint, run_bench

FRAMES = 3
LIBRARY = Path(__file__).parents[2] / "src/bitwright/backends/verilog/library"
XCVU9P = device("xcvu9p")
# One lane (words of the outside fill the bus), lanes that no channel fills, with and without registers.
# External memory: that keeps the engine waiting, and not; narrower than a word of weights, and wider; an even number
# of parts, and an odd one; all fetched once.
CASES: list[tuple[Graph, int, float | None, External | None, int, int]] = [
    (perceptron(), 8, 400.0, None, 0, 0),
    (residual(), 4, 200.0, External(64, 4, 2, latency_cycles=20, beat_cycles=3), 40, 0),
    (grouped(), 1, None, None, 0, 0),
    (wide_head(), 3, 200.0, External(8, 8, 2, latency_cycles=1), 24, 0),
    (uneven(), 3, 400.0, External(128, 16, 4, latency_cycles=50), 40, 0),
    (moved(), 8, 200.0, External(), 0, 0),
    (constants(), 4, 200.0, None, 0, 0),
    (alexnet(), 8, 200.0, External(64, 16, 8, latency_cycles=40), 36, 0),
    # Weights of one bit, inside and outside.
    (binary(), 4, 400.0, None, 0, 0),
    (binary(), 8, 200.0, External(64, 4, 4, latency_cycles=9), 9, 0),
    # Feature maps outside, in words of several beats and of one.
    (residual(), 3, 200.0, External(8, 4, 2, latency_cycles=20, beat_cycles=3), 40, 408),
    (constants(), 8, 200.0, External(128, 2, 2, latency_cycles=3), 0, 28),
]
PROGRAMS = [
    engines.check(ScheduleEngine(XCVU9P, clock, lanes, external, buffer, features)(graph))
    for graph, lanes, clock, external, buffer, features in CASES
]
INPUTS = [codes(case[0], FRAMES, seed) for seed, case in enumerate(CASES)]
SHAPED = [[x.reshape(FRAMES, *p.inputs[0].type.shape) for x in xs] for xs, p in zip(INPUTS, PROGRAMS, strict=True)]
WANTED = [run(case[0], given)[0] for case, given in zip(CASES, INPUTS, strict=True)]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamBatch]:
    """All engines in one simulator."""
    with StreamBatch(PROGRAMS, workdir=tmp_path_factory.mktemp("engines"), frames=FRAMES) as made:
        yield made


@pytest.mark.tool("verilator")
def test_an_engine_takes_the_cycles_that_were_computed(batch: StreamBatch) -> None:
    for program, seen, wanted in zip(PROGRAMS, batch.run(SHAPED), WANTED, strict=True):
        assert np.array_equal(seen.outputs[0].reshape(wanted.shape), wanted), program.name
        assert seen.frame_ends.tolist() == engines.frame_ends(program, FRAMES)
        assert seen.latency_cycles == engines.cycles(program).latency_cycles


@pytest.mark.tool("verilator")
def test_pauses_on_both_ends_and_of_the_memory_change_no_bit(batch: StreamBatch) -> None:
    found = batch.run(SHAPED, source_ready=1, sink_ready=2, memory_ready=3)
    for program, seen, wanted in zip(PROGRAMS, found, WANTED, strict=True):
        assert np.array_equal(seen.outputs[0].reshape(wanted.shape), wanted), program.name


@pytest.mark.tool("verilator")
@pytest.mark.parametrize(
    ("lanes", "external", "buffer", "features"),
    [(1, None, 0, 0), (3, External(), 40, 0), (8, External(1024, 16), 0, 42), (8, External(32), 0, 42)],
)
def test_an_engine_is_lint_clean(
    lanes: int, external: External | None, buffer: int, features: int, tmp_path: Path
) -> None:
    emitted = emit_engine(ScheduleEngine(XCVU9P, 200.0, lanes, external, buffer, features)(uneven()))
    for name, text in emitted.files.items():
        write_atomic(tmp_path / name, text)
    assert lint([tmp_path / source for source in emitted.sources], emitted.top) == ()


@pytest.mark.tool("iverilog")
@pytest.mark.parametrize("changes", [{}, {"DATA": 64, "BURST": 16, "WIDTH": 64, "OUTSTANDING": 2}])
@pytest.mark.parametrize("module", ["fetch", "send"])
def test_what_goes_to_memory_and_comes_from_it_stays_in_order(
    module: str, changes: dict[str, int], tmp_path: Path
) -> None:
    name = f"bw_engine_{module}_bench"
    bench = (LIBRARY / f"bench/{name}.v").read_text()
    for parameter, value in changes.items():
        bench = re.sub(rf"parameter {parameter} = \d+;", f"parameter {parameter} = {value};", bench)
    own = write_atomic(tmp_path / f"{name}.v", bench)
    told = run_bench([own, *sorted(LIBRARY.glob("bw_*.v"))], name, workdir=tmp_path)
    assert told.startswith("PASS")
