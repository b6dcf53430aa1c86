"""Projects for tools that are here: FuseSoC resolves and runs, cocotb passes, what stands beside DMA is right."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.project_designs import ARCHITECTURES, architecture

from bitwright.backends import verilog
from bitwright.toolchain import lint, run_bench

_BENCHES = Path(__file__).parent / "benches"


def needs(module: str) -> Any:
    """CI has these packages; elsewhere the test is left out."""
    missing = importlib.util.find_spec(module) is None
    return pytest.mark.skipif(missing and not os.environ.get("CI"), reason=f"no {module}: it is in the extra 'test'")


DESIGNS = ["writable", *(pytest.param(a, marks=pytest.mark.long) for a in ARCHITECTURES)]


@pytest.fixture(scope="module", params=DESIGNS)
def written(request: Any, tmp_path_factory: Any) -> Path:
    projects = ["fusesoc", "cocotb", "pynq", "vitis"]
    return architecture(request.param).write(tmp_path_factory.mktemp(request.param), vectors=5, projects=projects)


def fusesoc(folder: Path, work: Path, target: str, *words: str) -> str:
    """What `fusesoc run` prints."""
    core = next(folder.glob("*.core"))
    name = f"bitwright:networks:{core.stem}"
    command = [
        sys.executable,
        "-m",
        "fusesoc.main",
        "--cores-root",
        str(folder),
        "run",
        "--target",
        target,
        *words,
        name,
    ]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def simulations(folder: Path) -> list[str]:
    text = next(folder.glob("*.core")).read_text()
    return [line.strip(" :") for line in text.splitlines() if line.startswith("  sim_")]


@needs("fusesoc")
@pytest.mark.tool("iverilog")
def test_fusesoc_resolves_the_core_and_its_bench_passes(written: Path, tmp_path: Path) -> None:
    assert "PASS" in fusesoc(written, tmp_path, simulations(written)[-1])


@needs("fusesoc")
@pytest.mark.long
@pytest.mark.tool("verilator")
@pytest.mark.tool("iverilog")
def test_every_target_runs_under_icarus_and_verilator(written: Path, tmp_path: Path) -> None:
    fusesoc(written, tmp_path, "lint")
    for target in simulations(written):
        assert "PASS" in fusesoc(written, tmp_path, target, "--tool", "icarus")
        assert "PASS" in fusesoc(written, tmp_path, target, "--tool", "verilator")


@needs("fusesoc")
@pytest.mark.long
@pytest.mark.tool("iverilog")
def test_a_wrong_answer_fails_in_fusesoc(tmp_path: Path) -> None:
    folder = architecture("dataflow").write(tmp_path / "out", vectors=2, projects=["fusesoc"])
    vectors = next((folder / "tb").glob("*_m_axis.hex"))
    lines = vectors.read_text().splitlines()
    lines[-1] = f"{int(lines[-1], 16) ^ 1:0{len(lines[-1])}x}"
    vectors.write_text("\n".join(lines) + "\n")
    assert "PASS" not in fusesoc(folder, tmp_path, simulations(folder)[0])


def programs() -> str:
    """The search path with what is installed beside this Python."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def cocotb(folder: Path, work: Path, top: str, module: str, simulator: str = "icarus") -> str:
    """What cocotb's runner says of a module of tests around `top`."""
    bench, record = folder / "projects" / "cocotb", json.loads((folder / "docs" / "ports.json").read_text())
    files = [folder / path for path in record["modules"][-1]["files"]]
    for image in (path for path in files if path.suffix == ".hex"):
        shutil.copy(image, work)
    sources = [str(path) for path in files if path.suffix == ".v"]
    beside = folder / "projects" / "pynq"
    told = {
        "simulator": simulator, "top": top, "module": module, "folder": str(work),
        "environment": {"PROJECT": str(bench)},
        "sources": sources + ([str(path) for path in beside.glob("*.v")] if top.endswith("_dma") else []),
        "arguments": ["-g2005"] if simulator == "icarus" else ["-Wno-fatal"],
    }  # fmt: skip
    search = os.pathsep.join([str(bench), str(_BENCHES), *sys.path])
    environment = os.environ | {
        "PYTHONPATH": search,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        [sys.executable, str(_BENCHES / "run_cocotb.py")], input=json.dumps(told), cwd=work, env=environment,
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    return done.stdout + done.stderr


def module_of(folder: Path) -> str:
    return json.loads((folder / "docs" / "ports.json").read_text())["modules"][-1]["module"]


@needs("cocotb")
@pytest.mark.tool("iverilog")
def test_cocotb_passes_with_random_back_pressure(written: Path, tmp_path: Path) -> None:
    said = cocotb(written, tmp_path, module_of(written), "test_frames")
    memories = (written / "registers.json").exists()
    assert ("TESTS=3 PASS=3 FAIL=0 SKIP=0" if memories else "TESTS=3 PASS=2 FAIL=0 SKIP=1") in said


@needs("cocotb")
@pytest.mark.tool("iverilog")
def test_dma_gets_tlast_at_the_end_of_a_batch(written: Path, tmp_path: Path) -> None:
    assert "TESTS=1 PASS=1 FAIL=0" in cocotb(written, tmp_path, f"{module_of(written)}_dma", "dma_batches")


@needs("cocotb")
@pytest.mark.long
@pytest.mark.tool("iverilog")
def test_cocotb_sees_a_wrong_word(tmp_path: Path) -> None:
    folder = architecture("parallel").write(tmp_path / "out", vectors=5, projects=["cocotb"])
    path = folder / "projects" / "cocotb" / "m_axis.hex"
    lines = path.read_text().splitlines()
    lines[3] = f"{int(lines[3], 16) ^ 1:0{len(lines[3])}x}"
    path.write_text("\n".join(lines) + "\n")
    (tmp_path / "work").mkdir()
    said = cocotb(folder, tmp_path / "work", module_of(folder), "test_frames")
    assert "TESTS=3 PASS=0 FAIL=2" in said
    assert "m_axis, frame 3, word 0" in said


@needs("cocotb")
@pytest.mark.long
@pytest.mark.tool("iverilog")
@pytest.mark.tool("verilator")
@pytest.mark.parametrize("simulator", ["icarus", "verilator"])
def test_cocotbs_own_makefile_passes(written: Path, simulator: str, tmp_path: Path) -> None:
    makefile = written / "projects" / "cocotb" / "Makefile"
    done = subprocess.run(
        ["make", "-f", str(makefile), f"SIM={simulator}"], cwd=tmp_path, env=os.environ | {"PATH": programs()},
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert " FAIL=0" in done.stdout, done.stdout + done.stderr


@pytest.mark.tool("verilator")
def test_wrappers_are_lint_clean(written: Path) -> None:
    files = json.loads((written / "docs" / "ports.json").read_text())["modules"][-1]["files"]
    rtl = [written / path for path in files if path.endswith(".v")]
    for project, tail in (("pynq", "_dma"), ("vitis", "_kernel")):
        own = list((written / "projects" / project).glob("*.v"))
        assert lint([*rtl, *own], f"{module_of(written)}{tail}") == ()


@needs("cocotb")
@needs("fusesoc")
@pytest.mark.long
@pytest.mark.tool("iverilog")
def test_an_engine_with_its_weights_outside_runs_in_fusesoc_and_cocotb(tmp_path: Path) -> None:
    folder = architecture("external").write(tmp_path / "out", vectors=3, projects=["fusesoc", "cocotb", "ipxact"])
    (tmp_path / "work").mkdir()
    assert "PASS" in fusesoc(folder, tmp_path / "work", simulations(folder)[0])
    assert "TESTS=3 PASS=2 FAIL=0" in cocotb(folder, tmp_path / "work", module_of(folder), "test_frames")


@pytest.fixture(scope="module")
def outside(tmp_path_factory: Any) -> Path:
    return architecture("external").write(tmp_path_factory.mktemp("outside"), vectors=3, projects=["pynq", "vitis"])


@pytest.mark.tool("verilator")
def test_wrappers_of_networks_with_memory_beside_them_are_lint_clean(outside: Path) -> None:
    test_wrappers_are_lint_clean(outside)


@pytest.mark.tool("iverilog")
def test_a_network_with_memory_beside_it_runs_once_it_is_told_where_that_is(outside: Path, tmp_path: Path) -> None:
    """The image lies behind a page of other numbers."""
    pynq = outside / "projects" / "pynq"
    module = json.loads((outside / "docs" / "ports.json").read_text())["modules"][-1]
    registers = json.loads((pynq / "registers.json").read_text())
    image, bits = (pynq / "outside.hex").read_text(), registers["outside"]["data_bits"]
    page = 4096 * 8 // bits
    (tmp_path / "outside_memory.hex").write_text(f"{'5a' * (bits // 8)}\n" * page + image)
    doors = {door["direction"]: door for door in module["doors"]}
    words = {side: len((pynq / f"{door['name']}.hex").read_text().split()) for side, door in doors.items()}
    sizes = {
        "IN_BITS": 8, "OUT_BITS": 16, "IN_WORDS": words["input"], "OUT_WORDS": words["output"], "DATA": bits,
        "BEATS": page + registers["outside"]["bytes"] * 8 // bits,
    }  # fmt: skip
    build = next(r["value"] for r in registers["registers"] if r["name"] == "build")
    text = (_BENCHES / "outside_tb.v").read_text().replace("`WRAPPER", f"{module['module']}_dma")
    text = text.replace("`BUILD", f"32'h{build[2:]}").replace("`FRAMES", "32'd3")
    told = ", ".join(f"{name} = {value}" for name, value in sizes.items())
    bench = tmp_path / "outside_tb.v"
    bench.write_text(re.sub(r"(?<=parameter )IN_BITS[^;]*", told, text))
    files = [outside / path for path in module["files"]]
    for data in (*(path for path in files if path.suffix == ".hex"), pynq / "s_axis.hex", pynq / "m_axis.hex"):
        shutil.copy(data, tmp_path)
    library = Path(verilog.__file__).parent / "library" / "bw_bench_memory.v"
    sources = [*(path for path in files if path.suffix == ".v"), *pynq.glob("*.v"), library, bench]
    data = [path for path in tmp_path.iterdir() if path.suffix == ".hex"]
    assert run_bench([*sources, *data], "outside_tb", workdir=tmp_path / "run") == f"PASS {words['output']} words\n"
