"""Engines in real tools: lint-clean, bit-exact under any back-pressure, in exactly the cycles that were computed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.engine_graphs import codes, grouped, perceptron, residual, wide_head

from bitwright.backends.verilog.engine import emit_engine
from bitwright.core.files import write_atomic
from bitwright.flow.streams import StreamBatch
from bitwright.ir import engine as engines
from bitwright.ir.graph import run
from bitwright.passes.engine import ScheduleEngine
from bitwright.platforms import device
from bitwright.toolchain import lint

FRAMES = 3
XCVU9P = device("xcvu9p")
# One lane (words of the outside fill the bus), lanes that no channel fills, with and without registers.
CASES = [(perceptron(), 8, 400.0), (residual(), 4, 200.0), (grouped(), 1, None), (wide_head(), 4, 200.0)]
PROGRAMS = [engines.check(ScheduleEngine(XCVU9P, clock, lanes)(graph)) for graph, lanes, clock in CASES]
INPUTS = [codes(graph, FRAMES, seed) for seed, (graph, _, _) in enumerate(CASES)]
SHAPED = [[x.reshape(FRAMES, *p.inputs[0].type.shape) for x in xs] for xs, p in zip(INPUTS, PROGRAMS, strict=True)]
WANTED = [run(graph, given)[0] for (graph, _, _), given in zip(CASES, INPUTS, strict=True)]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamBatch]:
    """All engines in one simulator."""
    with StreamBatch(PROGRAMS, workdir=tmp_path_factory.mktemp("engines"), frames=FRAMES) as made:
        yield made


@pytest.mark.tool("verilator")
def test_an_engine_takes_the_cycles_that_were_computed(batch: StreamBatch) -> None:
    for program, seen, wanted in zip(PROGRAMS, batch.run(SHAPED), WANTED, strict=True):
        told = engines.cycles(program)
        assert np.array_equal(seen.outputs[0].reshape(wanted.shape), wanted), program.name
        assert (seen.latency_cycles, seen.initiation_cycles) == (told.latency_cycles, told.initiation_cycles)


@pytest.mark.tool("verilator")
def test_pauses_on_both_ends_change_no_bit(batch: StreamBatch) -> None:
    for program, seen, wanted in zip(PROGRAMS, batch.run(SHAPED, source_ready=1, sink_ready=2), WANTED, strict=True):
        assert np.array_equal(seen.outputs[0].reshape(wanted.shape), wanted), program.name


@pytest.mark.tool("verilator")
@pytest.mark.parametrize("lanes", [1, 3])
def test_an_engine_is_lint_clean(lanes: int, tmp_path: Path) -> None:
    emitted = emit_engine(ScheduleEngine(XCVU9P, 200.0, lanes)(grouped()))
    for name, text in emitted.files.items():
        write_atomic(tmp_path / name, text)
    assert lint([tmp_path / source for source in emitted.sources], emitted.top) == ()
