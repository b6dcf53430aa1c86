"""Scripts for tools that are not here: their Tcl runs, and asks the tool for the right things in the right order."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.project_designs import ARCHITECTURES, architecture

from bitwright.core.errors import ConfigError

_HERE = Path(__file__).parent
_VENDORS = ["vivado", "vitis", "pynq", "quartus", "libero", "radiant", "diamond"]
pytestmark = pytest.mark.tool("tclsh")


@pytest.fixture(scope="module", params=[*ARCHITECTURES, "external"])
def written(request: Any, tmp_path_factory: Any) -> Path:
    return architecture(request.param).write(tmp_path_factory.mktemp(request.param), vectors=2, projects=_VENDORS)


def calls(folder: Path, script: str, *words: str) -> list[list[str]]:
    """The commands that a script asked the tool for."""
    path = folder / "projects" / script
    command = ["tclsh", str(_HERE / "mock_tool.tcl"), str(path), *words]
    done = subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


def names(found: list[list[str]]) -> list[str]:
    return [call[0] for call in found]


def files_named(found: list[list[str]], folder: Path) -> set[str]:
    """The files of the build that commands name; all of them exist."""
    told = {Path(word) for call in found for word in call if word.startswith(str(folder)) and "." in Path(word).name}
    return {str(path.relative_to(folder)) for path in told if path.suffix in (".v", ".hex", ".xdc", ".sdc")}


def first_sources(folder: Path, place: int = 0) -> set[str]:
    modules = json.loads((folder / "docs" / "ports.json").read_text())["modules"]
    return set(modules[place]["files"])


def test_vivado_synthesizes_every_source_out_of_context_and_reports(written: Path) -> None:
    found = calls(written, "vivado/run.tcl")
    sources = {path for path in first_sources(written) if path.endswith(".v")}
    assert sources < files_named(found, written)
    synthesis = next(call for call in found if call[0] == "synth_design")
    assert "out_of_context" in synthesis
    assert synthesis[synthesis.index("-part") + 1].count("-") >= 1 or synthesis[synthesis.index("-part") + 1][-2] == "-"
    order = names(found)
    assert order.index("read_xdc") < order.index("synth_design") < order.index("report_timing_summary")
    assert "route_design" not in order
    images = [path for path in first_sources(written) if path.endswith(".hex")]
    module = synthesis[synthesis.index("-top") + 1]
    assert all((written / "projects" / "vivado" / module / Path(image).name).exists() for image in images)


def test_vivado_places_and_routes_when_asked(written: Path) -> None:
    order = names(calls(written, "vivado/run.tcl", "route"))
    steps = ["synth_design", "opt_design", "place_design", "phys_opt_design", "route_design"]
    assert [name for name in order if name in steps] == steps
    assert order.count("report_utilization") == 4


def test_a_part_and_a_module_can_be_told(tmp_path: Path) -> None:
    folder = architecture("parallel").write(tmp_path, vectors=1, projects=["vivado=xc7a100tcsg324-1"])
    told = next(c for c in calls(folder, "vivado/run.tcl", "top", "two_by_two_axis") if c[0] == "synth_design")
    assert told[told.index("-top") + 1] == "two_by_two_axis"
    assert told[told.index("-part") + 1] == "xc7a100tcsg324-1"
    told = next(c for c in calls(folder, "vivado/run.tcl", "part", "xc7a35tcpg236-1") if c[0] == "synth_design")
    assert told[told.index("-part") + 1] == "xc7a35tcpg236-1"


@pytest.mark.parametrize(("words", "message"), [(["rute"], "unknown word rute"), (["top", "other"], "no module other")])
def test_a_wrong_word_ends_a_script_with_the_right_ones(words: list[str], message: str, tmp_path: Path) -> None:
    folder = architecture("parallel").write(tmp_path, vectors=1, projects=["vivado"])
    with pytest.raises(AssertionError, match=message):
        calls(folder, "vivado/run.tcl", *words)


def test_ip_is_packaged_with_its_buses_on_its_clock(written: Path) -> None:
    found = calls(written, "vivado/package_ip.tcl")
    order = names(found)
    assert order.index("ipx::package_project") < order.index("ipx::check_integrity") < order.index("ipx::save_core")
    module = next(call for call in found if call[:2] == ["set_property", "top"])[2]
    streams = [call[call.index("-busif") + 1] for call in found if "-busif" in call]
    memory = ["m_axi"] if "m_axi_araddr" in (written / "rtl" / f"{module}.v").read_text() else []
    assert streams == ([] if module == "two_by_two" else ["s_axis", "m_axis", *memory])


def test_vitis_packs_a_kernel_of_the_wrapper(written: Path) -> None:
    found = calls(written, "vitis/package_xo.tcl")
    kernel = next(call for call in found if call[0] == "package_xo")
    name = kernel[kernel.index("-kernel_name") + 1]
    assert (written / "projects" / "vitis" / f"{name}.v").exists()
    outside = "m_axi_araddr" in (written / "projects" / "vitis" / f"{name}.v").read_text()
    assert kernel[-1] == ("user_managed" if outside else "ap_ctrl_none")
    if outside:
        told = (written / "projects" / "vitis" / "kernel.xml").read_text()
        assert '<arg name="base" addressQualifier="1" id="2" port="m_axi" size="0x8" offset="0x10"' in told
        joined = [call[call.index("-busif") + 1] for call in found if "-busif" in call]
        assert {"s_axil", "m_axi"} < set(joined)
    described = (written / "projects" / "vitis" / "kernel.xml").read_text()
    assert f'name="{name}"' in described
    modes = re.findall(r'<port name="(\w+)" mode="(\w+)" dataWidth="(\d+)" portType="stream"', described)
    doors = json.loads((written / "docs" / "ports.json").read_text())["modules"][-1]["doors"]
    wanted = {"input": "read_only", "output": "write_only"}
    assert modes == [(d["name"], wanted[d["direction"]], str(d["bits"])) for d in doors]
    assert f"projects/vitis/{name}.v" in files_named(found, written)


def test_the_overlay_joins_every_stream_to_dma(written: Path) -> None:
    found = calls(written, "pynq/overlay.tcl", "build")
    joined = [call[1:] for call in found if call[0] == "get_bd_intf_pins"]
    assert {"network/s_axis", "network/m_axis", "dma_0/M_AXIS_MM2S", "dma_0/S_AXIS_S2MM"} <= {j[0] for j in joined}
    assert {"network/aclk", "network/aresetn"} <= {call[1] for call in found if call[0] == "get_bd_pins"}
    widths = {call[1]: int(call[2]) for call in found if call[0] == "set_property" and "_width" in call[1]}
    assert all(width.bit_count() == 1 for width in widths.values())
    assert widths["CONFIG.c_m_axi_mm2s_data_width"] >= max(32, widths["CONFIG.c_m_axis_mm2s_tdata_width"])
    rules = [call for call in found if call[0] == "apply_bd_automation" and "xilinx.com:bd_rule:axi4" in call]
    outside = (written / "projects" / "pynq" / "outside.hex").exists()
    assert len(rules) == 3 + 2 * outside, "DMA's control, and its ways to memory; the network's own"
    if outside:
        ends = [word for call in rules for word in call if word.startswith("/network/")]
        assert ends == ["/network/s_axil", "/network/m_axi"]
    order = names(found)
    assert order.index("validate_bd_design") < order.index("launch_runs") < order.index("write_bitstream")


@pytest.mark.parametrize(
    ("script", "flag", "run"),
    [
        ("quartus/run.tcl", "compile", "execute_flow"),
        ("libero/run.tcl", "build", "run_tool"),
        ("radiant/run.tcl", "build", "prj_run"),
        ("diamond/run.tcl", "build", "prj_run"),
    ],
)
def test_other_vendors_get_every_source_and_build_when_asked(script: str, flag: str, run: str, written: Path) -> None:
    without, found = calls(written, script), calls(written, script, flag)
    module = next(iter(sorted(first_sources(written))))
    sources = {path for path in first_sources(written) if path.endswith(".v")}
    assert module
    named = files_named(found, written)
    assert sources < named
    assert len(named - sources - first_sources(written)) == 1, "the constraints, and nothing else"
    assert run in names(found)
    assert run not in names(without)
    assert names(found)[-1].endswith(("close", "close_project")) or found[-1] == ["prj_project", "close"]


@pytest.mark.parametrize(
    ("project", "message"), [("quartus=xc7z020clg400-1", "no part of Intel"), ("libero=LFE5U-25F", "no part of Micro")]
)
def test_a_part_of_another_vendor_is_refused(project: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=message):
        architecture("parallel").write(tmp_path, vectors=1, projects=[project])


def test_parts_are_told_as_libero_and_quartus_want_them(tmp_path: Path) -> None:
    told = ["libero=M2S150TS-1FC1152M", "quartus=10AX115N2F45E1SG"]
    folder = architecture("parallel").write(tmp_path, vectors=1, projects=told)
    libero = next(call for call in calls(folder, "libero/run.tcl") if call[0] == "new_project")
    pairs = dict(zip(libero[1::2], libero[2::2], strict=True))
    assert (pairs["-family"], pairs["-die"], pairs["-package"]) == ("SmartFusion2", "M2S150TS", "FC1152")
    assert (pairs["-speed"], pairs["-part_range"]) == ("-1", "MIL")
    quartus = [call[2:] for call in calls(folder, "quartus/run.tcl") if call[0] == "set_global_assignment"]
    assert ["FAMILY", "{Arria", "10}"] in quartus
    assert ["DEVICE", "10AX115N2F45E1SG"] in quartus
