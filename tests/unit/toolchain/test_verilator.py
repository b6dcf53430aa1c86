"""Lint and simulator builds around a fake Verilator."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitwright.core.errors import InvalidValue, ToolFailed, ToolMissing, ToolTimeout
from bitwright.toolchain import find
from bitwright.toolchain.ports import Ports
from bitwright.toolchain.simulate import build
from bitwright.toolchain.verilator import LintWarning, lint

from .conftest import Fake

PORTS = Ports((("x", 1),), (("y", 1),))
VERSION = 'if [ "$1" = --version ]; then echo "Verilator 5.006"; exit 0; fi\n'
COMPLAINTS = """%Warning-WIDTH: top.v:7:12: Operator ASSIGNW expects 8 bits
                          : ... In instance top
    7 |   assign y = x;
      |            ^
                ... For warning description see https://verilator.org/warn/WIDTH?v=5.006
%Warning-UNUSEDSIGNAL: sub/leaf.v:2: Signal is not used: 'q'
%Warning-EOFNEWLINE: top.v:9:10: Missing newline
"""


@pytest.fixture
def compilers(fake: Fake) -> Fake:
    fake("g++", 'echo "g++ 12.2.0"')
    fake("make", 'if [ "$1" = --version ]; then echo "GNU Make 4.3"; exit 0; fi\nexit 9')
    return fake


def test_warnings_come_back_as_records(fake: Fake, source: Path) -> None:
    (source.parent / "log").write_text(COMPLAINTS)
    fake("verilator", f"{VERSION}cat {source.parent}/log >&2")
    first, second, third = lint([source], "top")
    assert first == LintWarning("WIDTH", "top.v", 7, "Operator ASSIGNW expects 8 bits")
    assert str(second) == "sub/leaf.v:2: Signal is not used: 'q' [UNUSEDSIGNAL]"
    assert third.code == "EOFNEWLINE"


def test_silence_is_clean_and_names_are_relative_to_the_first_source(fake: Fake, source: Path) -> None:
    folder = source.parent / "library"
    folder.mkdir()
    leaf = folder / "leaf.v"
    leaf.touch()
    fake("verilator", f'{VERSION}echo "$@" > {source.parent}/words; pwd > {source.parent}/place')
    assert lint([source, leaf], "top") == ()
    words = (source.parent / "words").read_text().split()
    assert words[:2] == ["--lint-only", "-Wall"]
    assert words[-4:] == ["-I.", "-Ilibrary", "top.v", "library/leaf.v"]
    assert (source.parent / "place").read_text().strip() == str(source.parent.resolve())


def test_verilog_that_does_not_parse_is_an_error_and_not_a_warning(fake: Fake, source: Path) -> None:
    fake("verilator", f'{VERSION}echo "%Error: top.v:1:8: syntax error" >&2; exit 1')
    with pytest.raises(ToolFailed, match="syntax error"):
        lint([source], "top")


def test_lint_without_verilator_says_how_to_get_it(fake: Fake, source: Path) -> None:
    with pytest.raises(ToolMissing, match="apt install verilator"):
        lint([source], "top")


def test_a_failing_compiler_is_reported_with_the_tail_of_its_log(compilers: Fake, source: Path) -> None:
    compilers("verilator", VERSION)
    compilers("make", 'if [ "$1" = --version ]; then exit 0; fi\necho "g++: fatal error: cc1plus" >&2; exit 2')
    work = source.parent / "work"
    with pytest.raises(ToolFailed, match="make: ended with status 2") as caught:
        build([source], "top", PORTS, work, simulator="verilator")
    assert "cc1plus" in caught.value.log
    assert list(work.iterdir()) == []


def test_the_time_of_a_build_is_shared_by_its_steps(compilers: Fake, source: Path) -> None:
    compilers("verilator", VERSION)
    compilers("make", 'if [ "$1" = --version ]; then exit 0; fi\nsleep 60')
    with pytest.raises(ToolTimeout, match="make"):
        build([source], "top", PORTS, source.parent / "work", simulator="verilator", timeout_s=0.5)


@pytest.mark.parametrize("code", ["WIDTH", "WIDTHEXPAND", "WIDTHTRUNC", "PINMISSING"])
def test_complaints_about_the_declared_ports_are_errors(compilers: Fake, source: Path, code: str) -> None:
    compilers("verilator", f'{VERSION}echo "%Warning-{code}: BitwrightSimtop.v:6:5: pin x wrong" >&2')
    with pytest.raises(InvalidValue, match=r"not those that were declared \(pin x wrong\)"):
        build([source], "top", PORTS, source.parent / "work", simulator="verilator")


def test_complaints_about_the_design_itself_do_not_stop_a_simulation(compilers: Fake, source: Path) -> None:
    compilers("verilator", f'{VERSION}echo "%Warning-WIDTH: top.v:6:5: something" >&2')
    with pytest.raises(ToolFailed, match="make: ended with status 9"):
        build([source], "top", PORTS, source.parent / "work", simulator="verilator")


def test_without_any_simulator_the_ways_to_one_are_named(
    fake: Fake, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(find.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ToolMissing, match="pip install"):
        build([source], "top", PORTS, source.parent / "work")


def test_an_unknown_simulator_is_refused(source: Path) -> None:
    with pytest.raises(InvalidValue, match="auto, verilator or cxxrtl"):
        build([source], "top", PORTS, source.parent, simulator="modelsim")  # type: ignore[arg-type]
