"""The streaming RTL library, cycle for cycle and bit for bit, against the actors' schedules and meaning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bitwright.ir.dataflow import Stream, order, released
from bitwright.ir.dataflow.ops import Actor, Convert, Digits, Interleave, Loop, Rearrange, Reduce, Reduction, Window
from bitwright.toolchain import Combined, Ports, Simulation, build, combine, lint, run_bench, synthesize, to_int

from .stream_cases import FEED, Case, Driven, mixed, stream
from .stream_units import Link, Product

LIBRARY = Path(__file__).parents[2] / "src/bitwright/backends/verilog/library"
MODULES = (
    "accumulate", "axi_lite", "cell", "channel", "constants", "convert", "count", "delay", "digits", "feedback",
    "inner", "interleave", "load", "memory", "moves", "rearrange", "recur", "reduce", "rom", "scan", "search_level",
    "sink", "source", "store", "taps", "valid", "vector", "window", "words",
)  # fmt: skip
BENCHES = (
    "axi_lite", "cell", "channel", "convert", "digits", "inner", "interleave", "rearrange", "recur", "reduce",
    "search_level", "vector", "window", "words",
)  # fmt: skip
START = 3
"""Cycles of reset."""

Words = NDArray[np.uint32]


def case(op: Actor, *args: Stream, lanes: int = 0, block: int = 0) -> Case:
    return Case(op, args, lanes, block)


def nest(*loops: tuple[int, int, int, int]) -> tuple[Loop, ...]:
    return tuple(Loop(*loop) for loop in loops)


SAME = ((1, 1), (1, 1))
CASES = [
    case(Convert(), stream((12,), 3, 4), lanes=1),
    case(Convert(), stream((12,), 1, 4), lanes=4),
    case(Convert(), stream((24,), 4, 5), lanes=6),
    case(Convert(), stream((35,), 7, 3), lanes=5),
    case(Convert(), stream((6,), 3, 3), lanes=3),
    case(Digits(3, 2, 16), stream((12,), 3, 5)),
    case(Digits(2, 4, 128), stream((4,), 1, 8)),
    case(Digits(1, 5, 16), stream((4,), 2, 5)),
    case(Interleave((1,)), stream((4,), 1, 4)),
    case(Interleave((1, 2, 3)), *(stream((4 * n,), 1, 4) for n in (1, 2, 3))),
    case(Reduce(4, Reduction.SUM), stream((4, 3), 1, 5)),
    case(Reduce(4, Reduction.MAX), stream((4, 6), 2, 5)),
    case(Reduce(5, Reduction.SUM), stream((5, 2), 2, 5)),
    case(Reduce(1, Reduction.MAX), stream((1, 2), 2, 5)),
    case(Window((5, 6, 2), (3, 3), (1, 1), SAME, fill=3), stream((5, 6, 2), 2, 4)),
    case(Window((5, 6, 4), (3, 3), (1, 1), SAME, fill=-3), stream((5, 6, 4), 2, 4)),
    case(Window((5, 6, 4), (3, 3), (1, 1), SAME, fill=-3), stream((5, 6, 4), 2, 4), block=1),
    case(Window((7, 8, 2), (2, 3), (2, 2), ((0, 1), (2, 0)), (2, 2)), stream((7, 8, 2), 1, 4)),
    case(Window((6, 1, 2), (3, 1), (2, 1), ((1, 1), (0, 0))), stream((6, 1, 2), 2, 4)),
    case(Window((1, 9, 2), (1, 4), (1, 1), ((0, 0), (3, 0)), (1, 2)), stream((1, 9, 2), 2, 4)),
    case(Window((4, 1, 1), (2, 3), (1, 1), ((1, 0), (1, 1)), fill=2), stream((4, 1, 1), 1, 4)),
    case(Window((9, 9, 1), (2, 2), (3, 3)), stream((9, 9, 1), 1, 4)),
    # A transposition, an upsampling, a padded sliding window, the same in block memory, a slice.
    case(Rearrange((3, 4, 2), nest((2, 0, 0, 1), (3, 1, 0, 0), (4, 0, 1, 0)), depth=24), stream((3, 4, 2), 1, 4)),
    case(
        Rearrange((3, 4, 2), nest((3, 1, 0, 0), (2, 0, 0, 0), (4, 0, 1, 0), (2, 0, 0, 0), (2, 0, 0, 1)),
                  release=1, depth=9),
        stream((3, 4, 4), 2, 4),
    ),
    case(
        Rearrange((5, 6, 1), nest((5, 1, 0, 0), (6, 0, 1, 0), (3, 1, 0, 0), (3, 0, 1, 0)), (-1, -1, 0), 2, 5, 15),
        stream((5, 6, 1), 1, 4),
    ),
    case(
        Rearrange((5, 6, 2), nest((5, 1, 0, 0), (6, 0, 1, 0), (3, 1, 0, 0), (3, 0, 1, 0), (2, 0, 0, 1)),
                  (-1, -1, 0), 2, 5, 64),
        stream((5, 6, 2), 1, 4), block=1,
    ),
    case(Rearrange((4, 6, 1), nest((2, 1, 0, 0), (3, 0, 1, 0)), (1, 2, 0), 2, depth=1), stream((4, 6, 1), 1, 4)),
]  # fmt: skip
LINKS = [
    *(
        Link(5, depth, latency=latency)
        for depth, latency in ((1, 0), (1, 2), (2, 1), (3, 0), (5, 3), (16, 1), (17, 20))
    ),
    *(Link(40, depth, block=1, latency=latency) for depth, latency in ((1, 0), (2, 0), (3, 1), (4, 0), (33, 5))),
]
PRODUCTS = [
    Product(1, 1, 1, 1),
    Product(2, 3, 1, 1),
    Product(2, 1, 3, 2),
    Product(3, 4, 2, 1),
    Product(1, 1, 4, 1),
    Product(2, 4, 3, 2),
    Product(1, 5, 3, 2, block=1),
]


@dataclass(frozen=True)
class Bench:
    """Units side by side in one simulation."""

    units: list[Case | Link | Product]
    sources: list[Path]
    combined: Combined
    simulation: Simulation

    @classmethod
    def of(cls, units: list[Case | Link | Product], folder: Path) -> Bench:
        names = [f"unit{i}" for i in range(len(units))]
        texts = {"units.v": FEED + "".join(u.verilog(n) for u, n in zip(units, names, strict=True))}
        combined = combine([(n, u.ports) for u, n in zip(units, names, strict=True)])
        texts |= {"combined.v": combined.text}
        texts |= {f"{n}.hex": u.contents() for u, n in zip(units, names, strict=True) if isinstance(u, Product)}
        for name, text in texts.items():
            (folder / name).write_text(text)
        sources = [*library(), *(folder / name for name in texts)]
        return cls(
            units, sources, combined, build(sources, combined.top, combined.ports, folder, simulator="verilator")
        )

    def run(self, cycles: int, seed: int | None) -> list[tuple[dict[str, Words], dict[str, Words]]]:
        """Inputs and outputs of each unit: always ready without a seed, else random on both sides.

        It begins with a reset in whatever state the run before left.
        """
        rng = np.random.default_rng(seed)
        given = [_patterns(unit.ports, cycles, None if seed is None else rng) for unit in self.units]
        return list(zip(given, self.combined.run(self.simulation, given), strict=True))


def _patterns(ports: Ports, cycles: int, rng: np.random.Generator | None) -> dict[str, Words]:
    rows: dict[str, Words] = {}
    for name, width in ports.inputs:
        likely = np.ones(width) if rng is None else rng.choice([0.3, 0.7, 0.95, 1.0], width)
        bits = np.ones((cycles, width), bool) if rng is None else rng.random((cycles, width)) < likely
        bits[:START] = False
        rows[name] = (bits * (1 << np.arange(width))).sum(axis=1).astype(np.uint32)
    rows["rst"] = (np.arange(cycles) < START).astype(np.uint32)
    return rows


def library() -> list[Path]:
    """The modules of streams."""
    return [LIBRARY / f"bw_{name}.v" for name in MODULES]


def bits(words: Words, width: int = 1) -> NDArray[np.bool_]:
    return (words.reshape(len(words), -1)[:, :1] >> np.arange(width, dtype=np.uint32) & 1).astype(bool)


def check_case(unit: Case, given: dict[str, Words], found: dict[str, Words]) -> None:
    """Every step in its cycle, every word where and what it must be."""
    ports = len(unit.args)
    steps = Driven.by(unit, bits(given["there"], ports), bits(given["free"])[:, 0], START)
    np.testing.assert_array_equal(bits(found["popped"], ports)[START:], steps.popped[START:], str(unit))
    np.testing.assert_array_equal(bits(found["taken"])[START:, 0], steps.taken[START:], str(unit))
    go, late = bits(found["go"])[:, 0], unit.latency
    np.testing.assert_array_equal(go[START + late :], steps.taken[START:-late], str(unit))
    words = [to_int(word) for word in found["x"][START:][go[START:]]]
    assert len(words) > 2 * unit.result.words, f"three frames of {unit}"
    assert words == unit.words(-(-len(words) // unit.result.words))[: len(words)], str(unit)


def check_link(unit: Link, given: dict[str, Words], found: dict[str, Words]) -> None:
    """Every handshake in its cycle, every word, every TLAST."""
    tvalid, tready = (bits(given[name])[:, 0] for name in ("tvalid", "tready"))
    taken, left = unit.handshakes(tvalid, tready, START)
    np.testing.assert_array_equal(bits(found["taken"])[START:, 0], taken[START:], str(unit))
    np.testing.assert_array_equal(bits(found["given"])[START:, 0], left[START:], str(unit))
    count = int(left.sum())
    assert count > 50
    assert [to_int(word) for word in found["tdata"][left]] == mixed(count, unit.width), str(unit)
    ends = np.arange(count) % unit.words == unit.words - 1
    np.testing.assert_array_equal(bits(found["tlast"])[left][:, 0], ends, str(unit))


def check_product(unit: Product, given: dict[str, Words], found: dict[str, Words]) -> None:
    """Every total, two cycles after the step that writes it, and the reads where they belong."""
    taken, done = bits(found["taken"])[:, 0], bits(found["done"])[:, 0]
    np.testing.assert_array_equal(done[START + 2 :], taken[START:-2], str(unit))
    there, free = bits(given["there"])[:, 0], bits(given["free"])[:, 0]
    step, rounds = 0, unit.folds * unit.blocks
    for cycle in range(START, len(taken)):
        reads, writes = step % rounds < unit.folds, step % unit.folds == unit.folds - 1
        fires = (there[cycle] or not reads) and (free[cycle] or not writes)
        assert bool(found["popped"][cycle, 0]) == (fires and reads), f"{unit}, cycle {cycle}"
        assert taken[cycle] == (fires and writes), f"{unit}, cycle {cycle}"
        step += fires
    totals = [to_int(word) for word in found["total"][START:][done[START:]]]
    assert len(totals) > 2 * unit.groups * unit.blocks
    assert totals == unit.totals(len(totals)), str(unit)


def check_all(bench: Bench, cycles: int, seed: int | None) -> None:
    for unit, (given, found) in zip(bench.units, bench.run(cycles, seed), strict=True):
        if isinstance(unit, Case):
            check_case(unit, given, found)
        elif isinstance(unit, Link):
            check_link(unit, given, found)
        else:
            check_product(unit, given, found)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench.of([*CASES, *LINKS, *PRODUCTS], tmp_path_factory.mktemp("library"))


@pytest.mark.tool("verilator", "g++", "make")
@pytest.mark.parametrize("seed", [None, 1])
def test_every_module_acts_in_the_cycles_of_its_schedule(bench: Bench, seed: int | None) -> None:
    check_all(bench, 1500, seed)


@pytest.mark.tool("verilator", "g++", "make")
def test_every_module_is_free_of_lint(bench: Bench) -> None:
    warnings = lint([s for s in bench.sources if s.suffix == ".v"], bench.combined.top)
    assert [str(w) for w in warnings if w.file.endswith(tuple(p.name for p in library()))] == []


@pytest.mark.tool("iverilog", "vvp")
@pytest.mark.parametrize("name", BENCHES)
def test_every_bench_of_the_library_passes_in_icarus(name: str, tmp_path: Path) -> None:
    assert run_bench(bench_files(name), f"bw_{name}_bench", workdir=tmp_path).startswith("PASS ")


@pytest.mark.tool("iverilog", "vvp")
def test_a_bench_of_the_library_notices_a_wrong_word(tmp_path: Path) -> None:
    broken = tmp_path / "bw_words.v"
    broken.write_text((LIBRARY / "bw_words.v").read_text().replace("x <= in_head;", "x <= ~in_head;"))
    sources = [broken, *(p for p in bench_files("words") if p.name != "bw_words.v")]
    assert run_bench(sources, "bw_words_bench", workdir=tmp_path).startswith("FAIL word 0")


def bench_files(name: str) -> list[Path]:
    """A bench, what drives it, what it reads, and the library."""
    found = [LIBRARY / "bench" / f"bw_{name}_bench.v", LIBRARY / "bench" / "bw_front_driver.v", *library()]
    return [*found, *(LIBRARY / "bench").glob(f"bw_{name}_bench.hex")]


MEMORIES = """
module memories (
    input wire clk, input wire rst, input wire push, input wire pop, input wire [17:0] data,
    output wire [1:0] valid, output wire [35:0] head
);
    wire [1:0] ready;
    bw_channel #(.WIDTH(18), .DEPTH(32)) u_lut (
        .clk(clk), .rst(rst), .ready(ready[0]), .take(push & ready[0]), .push(push & ready[0]), .data(data),
        .valid(valid[0]), .head(head[17:0]), .pop(pop & valid[0])
    );
    bw_channel #(.WIDTH(18), .DEPTH(1025), .BLOCK(1)) u_block (
        .clk(clk), .rst(rst), .ready(ready[1]), .take(push & ready[1]), .push(push & ready[1]), .data(data),
        .valid(valid[1]), .head(head[35:18]), .pop(pop & valid[1])
    );
endmodule
"""


@pytest.mark.tool("yosys")
def test_memories_map_to_what_their_parameter_says(tmp_path: Path) -> None:
    """18 bits of 32 words are three RAM32M, 18 bits of 1024 and an output register one RAMB18."""
    (tmp_path / "memories.v").write_text(MEMORIES)
    found = synthesize([*library(), tmp_path / "memories.v"], "memories", workdir=tmp_path, family="xc7")
    kinds = {name: count for name, count in found.cells.items() if name.startswith("RAM")}
    assert kinds == {"RAM32M": 3, "RAMB18E1": 1}


@pytest.mark.long
@pytest.mark.tool("verilator", "g++", "make")
@pytest.mark.parametrize("seed", range(4))
def test_random_windows_and_rearrangements_act_in_the_cycles_of_their_schedules(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    made = Bench.of([*(random_window(rng) for _ in range(12)), *(random_rearrange(rng) for _ in range(12))], tmp_path)
    check_all(made, 4000, None)
    check_all(made, 8000, seed)


def random_window(rng: np.random.Generator) -> Case:
    """Any kernel, stride, dilation, padding and grouping that leaves a window."""
    while True:
        kernel, strides, dilation = (tuple(rng.integers(1, 4, 2).tolist()) for _ in range(3))
        grid = (*rng.integers(1, 8, 2).tolist(), 4)
        pads = tuple(tuple(rng.integers(0, k, 2).tolist()) for k in kernel)
        reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
        if all(n + sum(p) >= r for n, p, r in zip(grid, pads, reach, strict=False)):
            op = Window(grid, kernel, strides, pads, dilation, int(rng.integers(-4, 4)))
            return case(op, stream(grid, int(rng.choice([1, 2, 4])), 3), block=int(rng.integers(2)))


def random_rearrange(rng: np.random.Generator) -> Case:
    """Padded sliding windows, transpositions, upsamplings and slices, in as little memory as they take or more."""
    rows, columns, words = (int(n) for n in rng.integers(2, 6, 3))
    kernel, stride, repeat = (int(n) for n in rng.integers(1, 4, 3))
    pad = int(rng.integers(0, kernel))
    out = [(n + 2 * pad - kernel) // stride + 1 for n in (rows, columns)]
    kinds = [
        (nest((out[0], stride, 0, 0), (out[1], 0, stride, 0), (kernel, 1, 0, 0), (kernel, 0, 1, 0), (words, 0, 0, 1)),
         (-pad, -pad, 0), 2),
        (nest((words, 0, 0, 1), (columns, 0, 1, 0), (rows, 1, 0, 0)), (0, 0, 0), 0),
        (nest((rows, 1, 0, 0), (repeat, 0, 0, 0), (columns, 0, 1, 0), (repeat, 0, 0, 0), (words, 0, 0, 1)),
         (0, 0, 0), 1),
        (nest((rows - 1, 1, 0, 0), (columns - 1, 0, 1, 0), (words - 1, 0, 0, 1)), (1, 0, 1), int(rng.integers(4))),
    ]  # fmt: skip
    loops, start, release = kinds[int(rng.integers(len(kinds)))]
    if min(loop.extent for loop in loops) < 1:
        return random_rearrange(rng)
    grid = (rows, columns, words)
    op = Rearrange(grid, loops, start, release, int(rng.integers(-4, 4)))
    needed = least_depth(op) + int(rng.choice([0, 0, 1, 5]))
    lanes = int(rng.choice([1, 2]))
    op = Rearrange(grid, loops, start, release, op.fill, needed)
    return case(op, stream((rows, columns, words * lanes), lanes, 3), block=int(rng.integers(2)))


def least_depth(op: Rearrange) -> int:
    """The most words that are read ahead of what is released, over all steps."""
    return int(max(1, (order(op) + 1 - released(op)).max()))
