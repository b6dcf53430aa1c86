from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLAGS = (
    "-std=c++17 -O1 -g -pthread -Wall -Wextra -Werror -Wno-psabi -fsanitize=address,undefined -fno-sanitize-recover=all"
)


def said(fuzz: str, sources: list[str], folder: Path, *flags: str) -> str:
    """What the program `fuzz` prints when it is built with `sources` of the native module."""
    compiler = shutil.which("g++") or shutil.which("clang++") or "c++"
    program, native = folder / "fuzz", ROOT / "src" / "native"
    files = [Path(__file__).with_name(f"{fuzz}.cpp"), *(native / f"{s}.cpp" for s in sources)]
    command = [compiler, *FLAGS.split(), *flags, f"-I{native}", *map(str, files), "-o", str(program)]
    subprocess.run(command, check=True)
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.long
@pytest.mark.tool("g++")
def test_native_optimizers_are_clean_under_sanitizers_on_thousands_of_random_matrices(tmp_path):
    shared = ["adder_graph", "graph", "regroup", "sharing", "sums", "ternary", "tree"]
    sources = [*shared, "differences", "start", "sum_graph"]
    assert said("adder_graph_fuzz", sources, tmp_path) == "3000 graphs\n"


@pytest.mark.long
@pytest.mark.tool("g++")
@pytest.mark.parametrize("flags", [(), ("-march=native",)], ids=["any processor", "this processor"])
def test_native_interpreter_is_clean_under_sanitizers_on_thousands_of_random_programs(tmp_path, flags):
    assert said("interpreter_fuzz", ["interpreter", "interpreter_kernels"], tmp_path, *flags) == "3000 programs\n"
