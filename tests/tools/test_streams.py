"""Streaming designs in real tools: lint-clean, bit-exact under any back-pressure, every word in its cycle."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.generate_streams import random_dataflow
from tests.stream_programs import PROGRAMS, Clockwork, buffered, codes, folded, joined, rearranged, residual, starved

from bitwright.backends.verilog.stream import StreamEmitted, actor, emit_stream
from bitwright.core.errors import InvalidProgram, InvalidValue
from bitwright.cost.timetable import timetable
from bitwright.flow.streams import StreamBatch, simulate_stream
from bitwright.ir.dataflow import Dataflow, run
from bitwright.ir.dataflow.ops import Memory
from bitwright.numeric import IntArray
from bitwright.passes.buffer import Buffer
from bitwright.toolchain import lint, run_bench

FRAMES = 4
# The shallowest channels that cost no cycle, shallow ones that do, and block memory.
DESIGNS = [
    *(Buffer()(make()) for make in PROGRAMS),
    replace(buffered(joined(), (1, 3, 2)), name="shallow"),
    replace(buffered(residual(), (4, 5), Memory.BLOCK), name="blocks"),
]
INPUTS = [codes(program, FRAMES, seed) for seed, program in enumerate(DESIGNS)]
WANTED = [run(program, given) for program, given in zip(DESIGNS, INPUTS, strict=True)]


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StreamBatch]:
    """All designs in one simulator."""
    with StreamBatch(DESIGNS, workdir=tmp_path_factory.mktemp("streams"), frames=FRAMES) as made:
        yield made


def equal(found: tuple[IntArray, ...], wanted: list[IntArray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


@pytest.mark.tool("verilator")
def test_every_word_leaves_in_the_cycle_that_the_schedules_say(batch: StreamBatch) -> None:
    for program, seen, wanted in zip(DESIGNS, batch.run(INPUTS), WANTED, strict=True):
        assert equal(seen.outputs, wanted), program.name
        told = Clockwork(program, FRAMES).run()
        assert [cycles.tolist() for cycles in seen.taken] == told, program.name
        times = timetable(program, FRAMES)
        assert seen.latency_cycles == times.latency_cycles, program.name
        assert seen.frame_ends.tolist() == np.max(times.ends, axis=0).tolist(), program.name


@pytest.mark.tool("verilator")
@pytest.mark.parametrize(("source", "sink"), [(1, None), (None, 2), (3, 4)])
def test_pauses_on_either_end_change_no_bit(batch: StreamBatch, source: int | None, sink: int | None) -> None:
    at_ease = batch.run(INPUTS)
    for program, seen, free, wanted in zip(
        DESIGNS, batch.run(INPUTS, source_ready=source, sink_ready=sink), at_ease, WANTED, strict=True
    ):
        assert equal(seen.outputs, wanted), program.name
        assert seen.frame_ends[-1] >= free.frame_ends[-1], program.name


@pytest.mark.tool("verilator")
def test_frames_are_refused_that_do_not_fit(batch: StreamBatch) -> None:
    with pytest.raises(InvalidValue, match="5 frames, not 1\\.\\.4"):
        batch.run([codes(program, 5) for program in DESIGNS])
    with pytest.raises(InvalidValue, match="inputs for 1 of"):
        batch.run(INPUTS[:1])


@pytest.mark.tool("verilator")
def test_a_deadlock_is_named_and_not_waited_for(tmp_path: Path) -> None:
    """The sum over all words cannot come before the last of them, which the other branch has no room for."""
    with pytest.raises(InvalidProgram, match=r"starved: a deadlock: .*0 of \d+ words had left(.|\n)*passes\.Buffer"):
        simulate_stream(buffered(starved(), 2), codes(starved(), 1), workdir=tmp_path)


def emitted(make: Callable[[], Dataflow]) -> StreamEmitted:
    program = buffered(make(), (2, 3), Memory.BLOCK if make is rearranged else Memory.LUT)
    given = codes(program, 2)
    return emit_stream(program, vectors=(given, run(program, given)))


def written(made: StreamEmitted, folder: Path) -> list[Path]:
    """All code and memory images."""
    paths = [folder / name for name in made.files if not name.endswith(".md")]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made.files[str(path.relative_to(folder))])
    return paths


@pytest.mark.tool("verilator", "iverilog")
@pytest.mark.parametrize("make", PROGRAMS)
def test_designs_are_lint_clean_and_their_benches_pass_in_icarus(make: Callable[[], Dataflow], tmp_path: Path) -> None:
    made = emitted(make)
    paths = written(made, tmp_path)
    assert lint([tmp_path / name for name in made.sources], made.top) == ()
    assert run_bench(paths, f"{made.top}_tb", workdir=tmp_path).startswith("PASS 2 frames, ")


@pytest.mark.tool("iverilog")
@pytest.mark.parametrize("what", ["_m_axis.hex", "_weights.hex"])
def test_the_bench_notices_a_wrong_bit(what: str, tmp_path: Path) -> None:
    made = emitted(folded)
    paths = written(made, tmp_path)
    (spoiled,) = (path for path in paths if path.name.endswith(what))
    spoiled.write_text("".join(f"{int(line, 16) ^ 5:0{len(line)}x}\n" for line in spoiled.read_text().split()))
    printed = run_bench(paths, f"{made.top}_tb", workdir=tmp_path)
    assert "FAIL frame 0, beat 0: wrong data" in printed


@pytest.mark.tool("iverilog")
def test_weights_in_several_memories_are_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actor, "_WIDEST_LOGIC", 1)  # a memory for each unit
    made = emitted(folded)
    paths = written(made, tmp_path)
    several = [path.name for path in paths if "_weights" in path.name]
    assert len(several) > 1
    assert run_bench(paths, f"{made.top}_tb", workdir=tmp_path).startswith("PASS 2 frames, ")


@pytest.mark.long
@pytest.mark.tool("verilator")
def test_random_programs_keep_to_their_schedules(tmp_path: Path) -> None:
    """Twenty-four programs of every actor, buffered without a word to spare, every third with block memories."""
    programs: list[Dataflow] = []
    for seed in range(100, 124):
        draft = random_dataflow(random.Random(seed), name=f"random{seed}")
        programs.append(Buffer(block_bits=200 if seed % 3 == 0 else 9216)(draft))
    given = [codes(program, 3, seed) for seed, program in enumerate(programs)]
    with StreamBatch(programs, workdir=tmp_path, frames=3) as made:
        for source, sink in ((None, None), (1, 2), (None, 3), (4, None)):
            runs = made.run(given, source_ready=source, sink_ready=sink)
            for program, seen, inputs in zip(programs, runs, given, strict=True):
                assert equal(seen.outputs, run(program, inputs)), program.name
                if source is None and sink is None:
                    assert [cycles.tolist() for cycles in seen.taken] == Clockwork(program, 3).run(), program.name
                    assert seen.latency_cycles == timetable(program).latency_cycles, program.name
