"""Place and route: the script, the block between registers, the report, and what goes wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bitwright.core.errors import ConfigError, InvalidValue, ToolFailed, ToolMissing
from bitwright.toolchain.find import find_nextpnr
from bitwright.toolchain.nextpnr import bench_of, place_and_route
from bitwright.toolchain.parts import PARTS
from bitwright.toolchain.ports import Ports
from bitwright.toolchain.sums import KEEP, LEARN

from .conftest import Fake

PORTS = Ports((("x", 3),), (("y", 6),))
SLOW = [{"delay": 0.5, "type": "clk-to-q", "to": {"cell": "a"}}, {"delay": 2.0, "type": "logic", "to": {"cell": "b"}}]


def fake_tools(fake: Fake, tmp_path: Path, reports: dict[int, object]) -> None:
    fake("yosys", 'if [ "$1" = -V ]; then echo "Yosys 0.23"; exit 0; fi\n'
         f"cp run.ys {tmp_path}/seen.ys\ntouch netlist.json")  # fmt: skip
    for seed, report in reports.items():
        (tmp_path / f"report{seed}").write_text(json.dumps(report))
    fake("nextpnr-ecp5", 'if [ "$1" = --version ]; then echo "nextpnr-ecp5 -- (Version nextpnr-0.11)"; exit 0; fi\n'
         f'echo "$*" >> {tmp_path}/words\nseed=$(echo "$*" | sed "s/.*--seed //;s/ .*//")\n'
         f"cp {tmp_path}/report$seed report.json")  # fmt: skip


def report(mhz: float) -> dict[str, object]:
    paths = [
        {"from": "posedge clk", "to": "posedge clk", "path": SLOW},
        {"from": "<async>", "to": "<async>", "path": SLOW * 3},
    ]
    used = {"TRELLIS_FF": {"used": 9, "available": 99}, "DP16KD": {"used": 0, "available": 9}}
    return {"fmax": {"clk": {"achieved": mhz, "constraint": 400.0}}, "critical_paths": paths, "utilization": used}


def test_the_clock_is_the_median_over_the_seeds(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake_tools(fake, tmp_path, {1: report(100.0), 2: report(300.0), 3: report(110.0)})
    found = place_and_route([source], "top", PORTS, workdir=tmp_path / "work", device="lfe5u-25")
    assert found.fmax_mhz == 110.0
    assert found.fmax_by_seed == {1: 100.0, 2: 300.0, 3: 110.0}
    assert found.critical_path == ((0.5, "clk-to-q", "a"), (2.0, "logic", "b"))
    assert found.used == {"TRELLIS_FF": 9}
    assert found.wrapper_ffs == 3 + 6 + 2 + 1
    assert (found.tool, found.version, found.synthesizer) == ("nextpnr-ecp5", "0.11", "yosys 0.23")
    assert list((tmp_path / "work").iterdir()) == []
    words = (tmp_path / "words").read_text().splitlines()
    assert len(words) == 3
    assert all("--25k" in line and "--freq 400" in line for line in words)


def test_seeds_end_once_the_median_cannot_reach_what_is_needed(fake: Fake, tmp_path: Path, source: Path) -> None:
    reached = {1: 100.0, 2: 130.0, 3: 90.0, 4: 95.0, 5: 99.0}
    fake_tools(fake, tmp_path, {seed: report(mhz) for seed, mhz in reached.items()})
    told = {"workdir": tmp_path / "work", "device": "lfe5u-25", "seeds": tuple(reached)}
    given_up = place_and_route([source], "top", PORTS, **told, needed_mhz=120.0)
    assert given_up.fmax_by_seed == {seed: reached[seed] for seed in (1, 2, 3, 4)}
    assert given_up.fmax_mhz < 120.0
    assert len(place_and_route([source], "top", PORTS, **told, needed_mhz=98.0).fmax_by_seed) == 5


def test_the_block_is_mapped_with_its_sums_kept(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake_tools(fake, tmp_path, {7: report(100.0)})
    place_and_route([source], "top", PORTS, workdir=tmp_path, seeds=(7,))
    assert (tmp_path / "seen.ys").read_text() == (
        f"{LEARN}read_verilog top.v\nread_verilog bw_between_registers.v\nhierarchy -top bw_between_registers\n"
        f"{KEEP}synth_ecp5 -top bw_between_registers -json netlist.json\n"
    )


def test_every_bit_of_the_block_lies_between_registers() -> None:
    text = bench_of("top", Ports((("a", 2), ("b", 3)), (("y", 17), ("z", 1))))
    assert "top block(.clk(clk), .a(fed[1:0]), .b(fed[4:2]), .y(seen[16:0]), .z(seen[17:17]));" in text
    assert [int(n) + 1 for n in re.findall(r"reg \[(\d+):0\] fold_", text)] == [18, 5, 2, 1]
    assert "fold_1[4] <= ^fold_0[17:16]" in text
    assert bench_of("top", Ports((("a", 1),), (("y", 1),))).count("fold_") == 3


def test_every_part_names_its_program_and_family() -> None:
    assert {part.arch for part in PARTS.values()} == {"ecp5", "ice40", "himbaechel-gowin"}
    assert all(name == part.device for name, part in PARTS.items())


def test_a_device_without_open_tools_is_refused_with_those_that_have_them(tmp_path: Path, source: Path) -> None:
    with pytest.raises(ConfigError, match="no open place and route for 'xcvu9p'") as caught:
        place_and_route([source], "top", PORTS, workdir=tmp_path, device="xcvu9p")
    assert "lfe5u-45" in caught.value.remedy


def test_a_design_without_a_clock_is_refused(tmp_path: Path, source: Path) -> None:
    with pytest.raises(InvalidValue, match="no clock"):
        place_and_route([source], "top", Ports((("x", 1),), (("y", 1),), clock=""), workdir=tmp_path)


@pytest.mark.parametrize("left", ["", "{", "{}", '{"fmax": {}, "utilization": {}}'])
def test_an_unreadable_or_empty_report_is_a_failure_of_the_tool(
    fake: Fake, tmp_path: Path, source: Path, left: str
) -> None:
    fake_tools(fake, tmp_path, {1: {}})
    (tmp_path / "report1").write_text(left)
    with pytest.raises(ToolFailed, match="nextpnr"):
        place_and_route([source], "top", PORTS, workdir=tmp_path, seeds=(1,))


def test_a_missing_program_says_where_it_comes_from(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITWRIGHT_NEXTPNR_HIMBAECHEL_GOWIN", "none")
    with pytest.raises(ToolMissing, match="hidden by BITWRIGHT_NEXTPNR_HIMBAECHEL_GOWIN"):
        find_nextpnr("himbaechel-gowin")
    with pytest.raises(ToolMissing) as caught:
        find_nextpnr("mistral")
    assert "pip install yowasp-nextpnr-mistral" in caught.value.remedy
