"""Builds with projects: complete, the same again, and told in the manifest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.project_designs import ARCHITECTURES, architecture, made, two_and_two, write_everything

from bitwright.backends.projects import PROJECTS
from bitwright.core.errors import ConfigError
from bitwright.core.files import sha256
from bitwright.flow.design import Design
from bitwright.flow.matrix import compile_matrix
from bitwright.flow.streamed import StreamDesign

ROOT = Path(__file__).parents[3]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: Any) -> Path:
    """Builds of every architecture that another process made, in which sets have another order."""
    folder = tmp_path_factory.mktemp("elsewhere")
    code = "import sys, pathlib; from tests.project_designs import *\n"
    code += "for name in ARCHITECTURES: write_everything(name, pathlib.Path(sys.argv[1]) / name)"
    environment = {**os.environ, "PYTHONHASHSEED": "77"}
    subprocess.run([sys.executable, "-c", code, str(folder)], cwd=ROOT, env=environment, check=True)
    return folder


@pytest.fixture(scope="module", params=ARCHITECTURES)
def twice(request: Any, elsewhere: Path, tmp_path_factory: Any) -> tuple[Path, Path]:
    """Two builds of one input: Verilog, every project, HLS C++ and the emulator."""
    return write_everything(request.param, tmp_path_factory.mktemp(request.param)), elsewhere / request.param


def test_two_builds_of_one_input_are_byte_identical(twice: Any) -> None:
    first, second = map(files, twice)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_the_manifest_holds_a_hash_of_every_other_file(twice: Any) -> None:
    found = files(twice[0])
    manifest = json.loads(found.pop("manifest.json"))
    assert manifest["files"] == {name: sha256(data) for name, data in found.items()}
    assert manifest["seeds"] == {"golden_vectors": 0, "search": 0}
    assert manifest["versions"]["bitwright"]


def test_the_manifest_tells_each_project_with_part_and_commands(twice: Any) -> None:
    manifest = json.loads((twice[0] / "manifest.json").read_text())
    assert manifest["projects"].keys() == PROJECTS.keys()
    assert manifest["projects"]["vivado"]["part"].startswith("xc7")
    for name, told in manifest["projects"].items():
        for command in told["commands"]:
            named = [word.partition(":")[2] if word.startswith("SCRIPT:") else word for word in command.split()]
            for word in (word for word in named if word.startswith("projects/")):
                assert (twice[0] / word).is_file(), (name, word)


def test_the_manifest_tells_how_hls_and_the_emulator_are_compiled(twice: Any) -> None:
    manifest = json.loads((twice[0] / "manifest.json").read_text())
    assert {"emulator/CMakeLists.txt", f"hls/{manifest['hls']['top']}.cpp"} <= manifest["files"].keys()
    assert manifest["emulator"]["namespace"] in (twice[0] / f"emulator/{manifest['name']}.h").read_text()
    assert manifest["emulator"]["commands"][0].startswith("cmake ")
    vendor, part, command = {
        "parallel": ("smarthls", "xc7a35t", "shls hw"),
        "dataflow": ("catapult", "xc7z020", "catapult -shell -file run.tcl"),
        "engine": ("vitis", "xc7z020clg400-1", "vitis_hls -f run_hls.tcl -tclargs csim csynth cosim export"),
    }[manifest.get("architecture", "parallel")]
    told = manifest["hls"]
    assert (told["vendor"], told["part"], "strategy" in told) == (vendor, part, vendor == "smarthls")
    assert command in told["commands"]
    for word in (word for line in told["commands"] for word in line.split() if word.endswith(".tcl")):
        assert (twice[0] / "hls" / word).is_file()


def test_a_build_names_no_machine_and_no_day(twice: Any) -> None:
    for name, data in files(twice[0]).items():
        text = data.decode("utf-8", errors="replace")
        assert str(twice[0]) not in text, name
        assert "/home/" not in text, name


def test_the_command_line_writes_projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from bitwright import cli

    monkeypatch.setattr(cli.designs, "compiled", lambda *_, **__: architecture("parallel"))
    words = ["compile", "model.keras", "--out", str(tmp_path), "--project", "quartus", "--project", "fusesoc"]
    done = CliRunner().invoke(cli.app, words)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "projects" / "quartus" / "run.tcl").exists()
    assert (tmp_path / "two_by_two.core").exists()
    assert not (tmp_path / "projects" / "vivado").exists()


def test_all_leaves_out_what_a_design_cannot_have_and_says_why(tmp_path: Path) -> None:
    design = compile_matrix(np.ones((200, 1), int), input_format="s8.0", name="wide")
    told = json.loads((design.write(tmp_path, vectors=1, projects=["all"]) / "manifest.json").read_text())["projects"]
    left = {name for name, entry in told.items() if "left_out" in entry}
    assert left == {"pynq", "baremetal"}
    assert told["pynq"]["left_out"] == "words of 1600 bits (DMA moves 1024 at most)"
    assert not (tmp_path / "projects" / "pynq").exists()
    with pytest.raises(ConfigError, match="words of 1600 bits") as error:
        design.write(tmp_path / "named", vectors=1, projects=["all", "pynq"])
    assert "architecture='dataflow'" in error.value.remedy


def test_designs_with_several_inputs_and_outputs_have_projects(tmp_path: Path) -> None:
    for kind, architecture_ in ((Design, "parallel"), (StreamDesign, "dataflow")):
        design = made(kind, two_and_two(), architecture=architecture_)
        folder = design.write(tmp_path / architecture_, vectors=2, projects=["all"])
        told = json.loads((folder / "manifest.json").read_text())["projects"]
        left = {name for name, entry in told.items() if "left_out" in entry}
        assert left == (set() if kind is Design else {"baremetal"}), told
        module = json.loads((folder / "docs" / "ports.json").read_text())["modules"][-1]
        tensors = [bus["tensor"] for door in module["doors"] for bus in door["buses"]]
        assert tensors == ["a", "b", "sum", "difference"]
        assert len(module["doors"]) == (2 if kind is Design else 4)
