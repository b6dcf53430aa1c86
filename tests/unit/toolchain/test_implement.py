"""From Verilog to a bitstream, with tools that are scripts: words, seeds, and what is said when there is no room."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bitwright.core.errors import ConfigError, InvalidValue, ToolFailed, ToolMissing
from bitwright.toolchain.find import find_packer
from bitwright.toolchain.implement import implement

from .conftest import Fake

STAT = '{"modules": {"\\\\\\\\top": {"num_cells_by_type": {"SB_LUT4": %d, "SB_DFF": 4}}}}'


def report(mhz: float) -> str:
    clock = {"clk": {"achieved": mhz, "constraint": 24.0}}
    return json.dumps({"fmax": clock, "critical_paths": [], "utilization": {"LC": {"used": 4, "available": 5280}}})


def tools(fake: Fake, tmp_path: Path, reached: dict[int, float], luts: int = 9, router: str = "") -> None:
    """yosys that counts `luts`, nextpnr that reaches so much by seed, icepack that copies."""
    fake("yosys", 'if [ "$1" = -V ]; then echo "Yosys 0.23"; exit 0; fi\n'
         f"cp run.ys {tmp_path}/seen.ys\ntouch netlist.json\ncat > counts.json <<EOF\n{STAT % luts}\nEOF")  # fmt: skip
    for seed, mhz in reached.items():
        (tmp_path / f"report{seed}").write_text(report(mhz))
    fake("nextpnr-ice40", 'if [ "$1" = --version ]; then echo "nextpnr-ice40 -- (Version nextpnr-0.11)"; exit 0; fi\n'
         f'{router}\necho "$*" >> {tmp_path}/words\nseed=$(echo "$*" | sed "s/.*--seed //;s/ .*//")\n'
         "cat pins > chip.asc; echo $seed >> chip.asc; echo '{}' > routed.json\n"
         f"cp {tmp_path}/report$seed report.json")  # fmt: skip
    fake("icepack", 'if [ "$1" = --help ]; then echo "icepack version 9"; exit 0; fi\ncp $1 $2')


def run(source: Path, tmp_path: Path, **told: object) -> object:
    return implement([source], "top", "set_io x 4\n", workdir=tmp_path / "work", device="ice40up5k", **told)  # type: ignore[arg-type]


def test_the_first_seed_that_meets_the_clock_is_taken(fake: Fake, tmp_path: Path, source: Path) -> None:
    tools(fake, tmp_path, {3: 20.0, 5: 30.0, 7: 40.0})
    made = run(source, tmp_path, clock_mhz=24.0, seeds=(3, 5, 7))
    assert (made.seed, made.seeds, made.timing.met) == (5, (3, 5), True)
    assert made.bitstream == b"set_io x 4\n5\n"
    assert made.suffix == "bin"
    assert made.versions == {"yosys": "0.23", "nextpnr-ice40": "0.11", "icepack": "9"}
    words = (tmp_path / "words").read_text().splitlines()
    assert len(words) == 2
    assert all("--up5k --package sg48" in w and "--pcf pins --asc chip.asc --write routed.json" in w for w in words)
    assert all("--freq 24 --timing-allow-fail" in w for w in words)
    assert made.commands[0] == "yosys -q -s run.ys"
    assert made.commands[-1] == "icepack chip.asc chip.bin"
    assert made.script == (tmp_path / "seen.ys").read_text()
    assert "synth_ice40 -device u -dsp -top top" in made.script
    assert list((tmp_path / "work").iterdir()) == []


def test_where_no_seed_meets_the_clock_the_last_is_told_as_missed(fake: Fake, tmp_path: Path, source: Path) -> None:
    tools(fake, tmp_path, {1: 20.0, 2: 23.0})
    made = run(source, tmp_path, clock_mhz=24.0, seeds=(1, 2))
    assert (made.seed, made.timing.met) == (2, False)


def test_a_design_that_is_too_large_is_refused_before_it_is_placed(fake: Fake, tmp_path: Path, source: Path) -> None:
    tools(fake, tmp_path, {1: 20.0}, luts=6000)
    with pytest.raises(InvalidValue, match="takes 6,000 LUTs of 5,280") as caught:
        run(source, tmp_path, clock_mhz=24.0)
    assert "architecture='dataflow'" in caught.value.remedy
    assert not (tmp_path / "words").exists()


def test_what_nextpnr_finds_no_place_for_is_said_with_what_is_full(fake: Fake, tmp_path: Path, source: Path) -> None:
    log = ("Info: \tICESTORM_LC:\t 5270/ 5280\t99%\nInfo: \tSB_IO:\t 5/ 39\t12%\n"
           "ERROR: Unable to place cell 'x', no Bels remaining of type 'ICESTORM_LC'\n")  # fmt: skip
    tools(fake, tmp_path, {}, router=f"cat > nextpnr.log <<'EOF'\n{log}EOF\nexit 255")
    with pytest.raises(InvalidValue, match="does not fit") as caught:
        run(source, tmp_path, clock_mhz=24.0)
    assert "5270 ICESTORM_LC of 5280" in caught.value.why
    assert "SB_IO" not in caught.value.why
    assert "larger chip" in caught.value.remedy


def test_any_other_failure_of_nextpnr_stays_what_it_is(fake: Fake, tmp_path: Path, source: Path) -> None:
    tools(fake, tmp_path, {}, router="echo 'ERROR: package does not have a pin named Q9' >&2; exit 255")
    with pytest.raises(ToolFailed, match="pin named Q9"):
        run(source, tmp_path, clock_mhz=24.0)


def test_no_seeds_and_a_chip_without_open_tools_are_refused(tmp_path: Path, source: Path) -> None:
    with pytest.raises(InvalidValue, match="no seeds"):
        run(source, tmp_path, clock_mhz=24.0, seeds=())
    with pytest.raises(ConfigError, match="no open place and route for 'xcvu9p'"):
        implement([source], "top", "", workdir=tmp_path, device="xcvu9p", clock_mhz=24.0)


def test_a_hidden_packer_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BITWRIGHT_ICEPACK", "none")
    with pytest.raises(ToolMissing, match="BITWRIGHT_ICEPACK=none"):
        find_packer("icepack")
