"""Both simulators against numpy: every cycle, every port width, every way to call them."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bitwright.core.errors import InvalidValue, ToolFailed
from bitwright.toolchain import Combined, Ports, Simulation, build, combine, verilator
from bitwright.toolchain.repeated import repeated_modules

from .designs import DESIGNS, ROM_HEX, STREAM, STREAM_PORTS, Rows

CYCLES = 300
SIMULATORS = [
    pytest.param("verilator", marks=pytest.mark.tool("verilator", "g++", "make")),
    pytest.param("cxxrtl", marks=pytest.mark.tool("yosys", "g++")),
]
COUNTER = """
module counter(input wire clk, input wire [3:0] step, output reg [7:0] count);
  leaf inner(.step(step), .sum(sum), .count(count));
  wire [7:0] sum;
  always @(posedge clk) count <= sum;
endmodule
module leaf(input wire [3:0] step, input wire [7:0] count, output wire [7:0] sum);
  assign sum = count {sign} step;
endmodule
"""
COUNTER_PORTS = Ports((("step", 4),), (("count", 8),))


@pytest.fixture(scope="module")
def workdir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("simulation")


@pytest.fixture(scope="module")
def combined() -> Combined:
    return combine([*((design.name, design.ports) for design in DESIGNS), ("stream", STREAM_PORTS)])


@pytest.fixture(scope="module")
def sources(workdir: Path, combined: Combined) -> list[Path]:
    texts = {f"{design.name}.v": design.verilog for design in DESIGNS}
    texts |= {"stream.v": STREAM, "combined.v": combined.text, "rom.hex": ROM_HEX}
    for name, text in texts.items():
        (workdir / name).write_text(text)
    return [workdir / name for name in texts]


@pytest.fixture(scope="module", params=SIMULATORS)
def simulation(
    request: pytest.FixtureRequest, sources: list[Path], workdir: Path, combined: Combined
) -> Iterator[Simulation]:
    with build(sources, combined.top, combined.ports, workdir, simulator=request.param) as built:
        yield built


@pytest.fixture
def fresh(simulation: Simulation) -> Simulation:
    simulation.reset()
    return simulation


def rows_of_all(cycles: int) -> list[Rows]:
    rows = [design.rows(cycles, seed) for seed, design in enumerate(DESIGNS)]
    rng = np.random.default_rng(99)
    stream = {
        name: rng.integers(0, 1 << min(width, 8), (cycles, -(-width // 32)), dtype=np.uint32)
        for name, width in STREAM_PORTS.inputs
    }
    return [*rows, stream]


def test_every_design_does_in_every_cycle_what_numpy_says(fresh: Simulation, combined: Combined) -> None:
    inputs = rows_of_all(CYCLES)
    outputs = combined.run(fresh, inputs)
    for design, given, got in zip(DESIGNS, inputs, outputs, strict=False):
        for port, expected in design.model(given).items():
            assert np.array_equal(got[port], expected), (design.name, port)


def test_a_stream_that_is_stalled_at_random_loses_and_invents_nothing(fresh: Simulation, combined: Combined) -> None:
    rng, prefix = np.random.default_rng(5), combined.prefixes[-1]
    sent, received, pending = list(range(200, 500)), [], 0
    for _ in range(3000):
        valid = pending < len(sent) and rng.random() < 0.7
        ready = rng.random() < 0.4
        stimulus = {"rst": 0, "s_valid": valid, "s_data": sent[pending % 300] << 30, "m_ready": ready}
        seen = fresh.step({prefix + name: int(value) for name, value in stimulus.items()})
        pending += valid and seen[prefix + "s_ready"]
        if ready and seen[prefix + "m_valid"]:
            received.append(seen[prefix + "m_data"] >> 30)
    assert received == [value & 1023 for value in sent]


def test_designs_of_different_lengths_share_a_run(fresh: Simulation, combined: Combined) -> None:
    inputs = [
        {name: words[: 20 + 30 * k] for name, words in rows.items()} for k, rows in enumerate(rows_of_all(CYCLES))
    ]
    outputs = combined.run(fresh, inputs)
    for k, (design, given, got) in enumerate(zip(DESIGNS, inputs, outputs, strict=False)):
        for port, expected in design.model(given).items():
            assert len(got[port]) == 20 + 30 * k
            assert np.array_equal(got[port], expected)


def test_a_run_carries_on_where_the_last_one_ended(fresh: Simulation, combined: Combined) -> None:
    inputs = rows_of_all(CYCLES)
    whole = combined.run(fresh, inputs)
    fresh.reset()
    first = combined.run(fresh, [{name: words[:77] for name, words in rows.items()} for rows in inputs])
    rest = combined.run(fresh, [{name: words[77:] for name, words in rows.items()} for rows in inputs])
    for one, a, b in zip(whole, first, rest, strict=True):
        assert all(np.array_equal(one[port], np.concatenate([a[port], b[port]])) for port in one)


@pytest.mark.tool("verilator", "yosys", "g++")
def test_both_simulators_show_the_same_rows_from_the_first_cycle_on(
    sources: list[Path], workdir: Path, combined: Combined
) -> None:
    inputs, seen = rows_of_all(CYCLES), []
    for name in ("verilator", "cxxrtl"):
        with build(sources, combined.top, combined.ports, workdir, simulator=name) as simulation:  # type: ignore[arg-type]
            seen.append(combined.run(simulation, inputs))
    for one, other in zip(*seen, strict=True):
        assert all(np.array_equal(one[port], other[port]) for port in one)


@pytest.fixture(scope="module", params=SIMULATORS)
def counter(request: pytest.FixtureRequest, workdir: Path) -> Iterator[Simulation]:
    (workdir / "counter.v").write_text(COUNTER.replace("{sign}", "+"))
    with build([workdir / "counter.v"], "counter", COUNTER_PORTS, workdir, simulator=request.param) as built:
        yield built


def test_a_step_shows_the_outputs_before_its_own_edge(counter: Simulation) -> None:
    counter.reset()
    assert [counter.step({"step": 3})["count"] for _ in range(4)] == [0, 3, 6, 9]


def test_an_input_that_is_not_named_keeps_its_value(counter: Simulation) -> None:
    counter.reset()
    counter.step({"step": 5})
    counter.step()
    assert counter.step()["count"] == 10


def test_steps_and_runs_are_the_same_thing(counter: Simulation) -> None:
    counter.reset()
    steps = np.random.default_rng(0).integers(0, 16, 50, dtype=np.uint32)
    one_by_one = [counter.step({"step": int(step)})["count"] for step in steps]
    counter.reset()
    assert counter.run({"step": steps})["count"][:, 0].tolist() == one_by_one


def test_long_runs_are_not_cut_or_shifted_where_they_are_split(counter: Simulation) -> None:
    counter.reset()
    count = counter.run({"step": np.ones(20_000, np.uint32)})["count"][:, 0]
    assert np.array_equal(count, np.arange(20_000) % 256)


def test_reset_goes_back_to_power_up(counter: Simulation) -> None:
    counter.step({"step": 9})
    counter.reset()
    assert [counter.step()["count"], counter.step()["count"]] == [0, 0]


def test_a_run_without_inputs_goes_on_for_the_cycles_asked(counter: Simulation) -> None:
    counter.reset()
    counter.step({"step": 2})
    assert counter.run({}, cycles=3)["count"][:, 0].tolist() == [2, 4, 6]


def test_no_rows_give_no_rows(counter: Simulation) -> None:
    assert counter.run({"step": np.zeros((0, 1), np.uint32)})["count"].shape == (0, 1)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"stride": np.zeros(3, np.uint32)}, "no input 'stride'"),
        ({"step": np.zeros(3, np.int64)}, "uint32 of shape"),
        ({"step": np.zeros((3, 2), np.uint32)}, "uint32 of shape"),
        ({"step": np.full(3, 16, np.uint32)}, "bits above the width of 4"),
        ({}, "one row per cycle"),
    ],
)
def test_rows_that_do_not_fit_the_ports_are_refused(counter: Simulation, rows: Rows, words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        counter.run(rows)


@pytest.mark.parametrize("value", [-1, 16])
def test_step_values_that_do_not_fit_are_refused(counter: Simulation, value: int) -> None:
    with pytest.raises(InvalidValue, match="does not fit into 4"):
        counter.step({"step": value})


def test_a_closed_simulation_says_so_until_it_is_reset(counter: Simulation) -> None:
    counter.close()
    with pytest.raises(InvalidValue, match="closed"):
        counter.step()
    counter.reset()
    assert counter.step()["count"] == 0


def test_an_unchanged_design_is_not_built_again(counter: Simulation, workdir: Path) -> None:
    kind = counter.built.simulator
    sources = [workdir / "counter.v"]
    again = build(sources, "counter", COUNTER_PORTS, workdir, simulator=kind)  # type: ignore[arg-type]
    assert again.built.reused
    assert again.built.library == counter.built.library
    again.step({"step": 1})
    assert (again.step()["count"], counter.ports) == (1, again.ports)
    again.close()


def test_two_designs_with_the_same_module_names_live_in_one_process(counter: Simulation, tmp_path: Path) -> None:
    (tmp_path / "counter.v").write_text(COUNTER.replace("{sign}", "-"))
    kind = counter.built.simulator
    down = build([tmp_path / "counter.v"], "counter", COUNTER_PORTS, tmp_path, simulator=kind)  # type: ignore[arg-type]
    counter.reset()
    pairs = [(counter.step({"step": 1})["count"], down.step({"step": 1})["count"]) for _ in range(4)]
    assert pairs == [(0, 0), (1, 255), (2, 254), (3, 253)]
    down.close()


def test_only_the_library_stays_in_the_working_folder(counter: Simulation, workdir: Path) -> None:
    assert not [path for path in workdir.iterdir() if path.name.startswith(".")]
    assert isinstance(ctypes.CDLL(str(counter.built.library)), ctypes.CDLL)


@pytest.mark.parametrize("simulator", SIMULATORS)
@pytest.mark.parametrize(
    "ports",
    [
        Ports((("step", 5),), (("count", 8),)),
        Ports((("step", 4),), (("count", 7),)),
        Ports((), (("count", 8),)),
    ],
)
def test_a_port_of_another_width_is_refused_and_not_padded(tmp_path: Path, simulator: str, ports: Ports) -> None:
    source = tmp_path / "counter.v"
    source.write_text(COUNTER.replace("{sign}", "+"))
    with pytest.raises(InvalidValue, match="not those that were declared"):
        build([source], "counter", ports, tmp_path, simulator=simulator)  # type: ignore[arg-type]


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_two_modules_of_one_name_are_an_error_and_not_a_choice(tmp_path: Path, simulator: str) -> None:
    source = tmp_path / "twice.v"
    source.write_text(2 * "module m(input wire clk, input wire x, output wire y); assign y = x; endmodule\n")
    with pytest.raises((InvalidValue, ToolFailed), match="m"):
        build([source], "m", Ports((("x", 1),), (("y", 1),)), tmp_path, simulator=simulator)  # type: ignore[arg-type]


@pytest.mark.tool("verilator", "g++", "make")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("always @(posedge clk) if (x == 2) $finish; assign y = x;", r"\$finish at stop\.v:2"),
        ("always @(posedge clk) if (x == 2) $stop; assign y = x;", r"\$stop at stop\.v:2"),
        ('reg [7:0] m[0:3]; initial $readmemh("gone.hex", m); assign y = m[x][1:0];', "readmem file not found"),
    ],
)
def test_a_design_that_stops_itself_does_not_stop_python(tmp_path: Path, body: str, words: str) -> None:
    source = tmp_path / "stop.v"
    source.write_text(f"module stop(input wire clk, input wire [1:0] x, output wire [1:0] y);\n{body}\nendmodule\n")
    ports = Ports((("x", 2),), (("y", 2),))
    with build([source], "stop", ports, tmp_path, simulator="verilator") as simulation:
        with pytest.raises(ToolFailed, match=words) as caught:
            simulation.run({"x": np.array([0, 1, 2, 3], np.uint32)})
        assert "stopped in cycle" in str(caught.value)


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_a_combinational_loop_is_an_error_with_its_cycle_and_not_a_hang(tmp_path: Path, simulator: str) -> None:
    source = tmp_path / "loop.v"
    source.write_text(
        "module loop(input wire clk, input wire [1:0] x, output wire [1:0] y);\n"
        "assign y = (x == 2) ? y + 2'd1 : x;\nendmodule\n"
    )
    ports = Ports((("x", 2),), (("y", 2),))
    with build([source], "loop", ports, tmp_path, simulator=simulator) as simulation:  # type: ignore[arg-type]
        rows = np.zeros(9000, np.uint32)
        rows[8500] = 2
        with pytest.raises(ToolFailed, match="did not converge") as caught:
            simulation.run({"x": rows})
        assert "stopped in cycle 8500" in str(caught.value)


REPEATED = """
module chain(input wire clk, input wire [39:0] x, output wire [39:0] y, output wire [7:0] now);
  wire [39:0] a, b;
  wire [7:0] unused_a, unused_b;
  turn first (.clk(clk), .x(x), .y(a), .now(now));
  turn second (.clk(clk), .x(a), .y(b), .now(unused_a));
  turn third (.clk(clk), .x(b), .y(y), .now(unused_b));
endmodule
module turn(input wire clk, input wire [39:0] x, output reg [39:0] y, output wire [7:0] now);
  reg [39:0] sum = 40'd0;
  assign now = x[7:0] + sum[7:0];
  always @(posedge clk) begin
    sum <= sum + x;
    y <= {sum[0], x[39:1]} ^ sum;
  end
endmodule
"""


@pytest.mark.tool("verilator", "g++", "make", "yosys")
def test_modules_compiled_once_and_placed_often_keep_a_state_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[tuple[str, ...]] = []

    def all_repeated(contents: dict[str, bytes], top: str) -> tuple[str, ...]:
        taken.append(repeated_modules(contents, top, saved=1))
        return taken[-1]

    monkeypatch.setattr(verilator, "repeated_modules", all_repeated)
    source = tmp_path / "chain.v"
    source.write_text(REPEATED)
    ports = Ports((("x", 40),), (("y", 40), ("now", 8)))
    x = np.random.default_rng(5).integers(0, 1 << 8, (CYCLES, 2), dtype=np.uint32)
    rows: list[Rows] = []
    for simulator in ("verilator", "cxxrtl"):
        with build([source], "chain", ports, tmp_path / simulator, simulator=simulator) as built:
            rows.append(built.run({"x": x}))
    assert taken == [("turn",)]
    assert rows[0]["y"].any()
    assert (rows[0]["y"] == rows[1]["y"]).all()
    assert (rows[0]["now"] == rows[1]["now"]).all()
