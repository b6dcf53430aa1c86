"""The port table says what the Verilog says, and its bits are where the benches put them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.project_designs import ARCHITECTURES, architecture, made, two_and_two

from bitwright.backends.projects import Bus, Door, beats
from bitwright.core.errors import ConfigError, InvalidValue
from bitwright.flow.design import Design
from bitwright.flow.vectors import random_codes
from bitwright.ir.graph import run
from bitwright.ir.netlist import Word

_PORT = re.compile(r"^ +(input|output) +wire +(?:\[(\d+):0\] +)?(\w+)", re.MULTILINE)


@pytest.fixture(scope="module", params=[*ARCHITECTURES, "writable", "valid"])
def written(request: Any, tmp_path_factory: Any) -> tuple[Any, Path]:
    design = made(Design, two_and_two(), valid=True) if request.param == "valid" else architecture(request.param)
    return design, design.write(tmp_path_factory.mktemp(request.param), vectors=3, projects=["ipxact"])


def table(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "docs" / "ports.json").read_text())


def test_every_module_has_the_ports_that_its_verilog_declares(written: Any) -> None:
    for module in table(written[1])["modules"]:
        text = (written[1] / "rtl" / f"{module['module']}.v").read_text()
        heads = text[: text.index(");")]
        declared = [(name, way, int(top or 0) + 1) for way, top, name in _PORT.findall(heads)]
        assert sorted(declared) == sorted((p["name"], p["direction"], p["bits"]) for p in module["ports"])


def test_the_page_lists_every_port_with_data(written: Any) -> None:
    page = (written[1] / "docs" / "ports.md").read_text()
    ports = [port for module in table(written[1])["modules"] for port in module["ports"]]
    assert all(f"`{port['name']}`" in page for port in ports if port["role"] in ("data", "tdata"))


def test_files_of_a_module_are_there(written: Any) -> None:
    files = [path for module in table(written[1])["modules"] for path in module["files"]]
    assert files
    assert all((written[1] / path).is_file() for path in files)


def test_timing_is_that_of_the_estimate(written: Any) -> None:
    design, folder = written
    module, found = table(folder)["modules"][0], design.estimate()
    assert (module["latency_cycles"], module["initiation_cycles"]) == (found.latency_cycles, found.initiation_cycles)


def test_golden_words_of_the_table_are_those_of_the_bench(written: Any) -> None:
    design, folder = written
    tensors = [t["name"] for t in table(folder)["tensors"]]
    codes = random_codes(design.graph, 3, design.options.seed)
    arrays = dict(zip(tensors, [*codes, *run(design.graph, codes)], strict=True))
    module = table(folder)["modules"][-1]
    for told in module["doors"]:
        door = _door(told)
        hexadecimal = next((folder / "tb").glob(f"*{door.name.partition('_')[0]}_axis*.hex"), None)
        name = f"{module['module']}_{'in' if door.direction == 'input' else 'out'}.hex"
        path = folder / "tb" / name if (folder / "tb" / name).exists() else hexadecimal
        assert path is not None
        assert [int(line, 16) for line in path.read_text().split()] == beats(door, arrays)


def _door(told: dict[str, Any]) -> Door:
    buses = tuple(
        Bus(b["tensor"], b["runs"][0]["low_bit"], tuple(_word(r) for r in b["runs"] for _ in range(r["count"])))
        for b in told["buses"]
    )
    return Door(told["name"], told["direction"], told["bits"], told["beats"], buses)


def _word(run: dict[str, Any]) -> Word:
    half = 1 << (run["bits"] - 1)
    return Word(-half, half - 1) if run["signed"] else Word(0, 2 * half - 1)


def test_a_code_that_its_lane_cannot_hold_is_refused() -> None:
    door = Door("s_axis", "input", 8, 1, (Bus("x", 0, (Word(0, 3), Word(-2, 1))),))
    assert beats(door, {"x": np.array([[3, -2]])}) == [0b1011]
    with pytest.raises(InvalidValue, match=r"code 2 is not within -2\.\.1"):
        beats(door, {"x": np.array([[3, 2]])})


def test_constraints_name_every_port_but_the_clock_once(written: Any) -> None:
    for module in table(written[1])["modules"]:
        text = (written[1] / "constraints" / f"{module['module']}.xdc").read_text()
        named = [n.removesuffix("[*]") for group in re.findall(r"get_ports \{([^}]*)\}", text) for n in group.split()]
        assert sorted(named) == sorted(p["name"] for p in module["ports"])
        for command, way in (("set_input_delay", "input"), ("set_output_delay", "output")):
            line = next(line for line in text.splitlines() if line.startswith(command))
            told = line[line.index("get_ports {") + 11 : -2].replace("[*]", "").split()
            assert told == [
                p["name"] for p in module["ports"] if p["direction"] == way and p["role"] not in ("clock", "reset")
            ]
        assert text == (written[1] / "constraints" / f"{module['module']}.sdc").read_text()
        assert f"-period {1000 / written[0].clock_mhz:g} " in text


@pytest.mark.parametrize(("name", "near"), [("vivdo", "vivado"), ("xilinx", "ipxact")])
def test_an_unknown_project_is_refused_before_anything_is_written(name: str, near: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"unknown project '{name}'") as error:
        architecture("parallel").write(tmp_path / "out", projects=["vivado", name])
    assert near in error.value.remedy
    assert not (tmp_path / "out").exists()


def test_projects_of_streams_ask_for_streams(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="joins AXI4-Streams") as error:
        architecture("parallel").write(tmp_path / "out", axis=False, projects=["cocotb"])
    assert "axis=True" in error.value.remedy
    assert architecture("parallel").write(tmp_path / "out", axis=False, projects=["vivado"]).exists()


@pytest.mark.tool("ghdl")
def test_ghdl_analyzes_the_vhdl_of_every_top(written: Any) -> None:
    modules = table(written[1])["modules"]
    assert [module["module"] for module in modules]
    for module in modules:
        path = written[1] / "rtl" / f"{module['module']}.vhd"
        done = subprocess.run(
            ["ghdl", "-a", "--std=93", f"--workdir={written[1]}", str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        text = path.read_text().lower()
        assert all(f"{port['name']} " in text or f"{port['name']}\\" in text for port in module["ports"])
