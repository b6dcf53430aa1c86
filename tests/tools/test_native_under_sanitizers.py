from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ["adder_graph", "graph", "sharing", "tree"]


@pytest.mark.long
@pytest.mark.tool("g++")
def test_native_optimizer_is_clean_under_sanitizers_on_thousands_of_random_matrices(tmp_path):
    compiler = shutil.which("g++") or shutil.which("clang++") or "c++"
    program, native = tmp_path / "fuzz", ROOT / "src" / "native"
    sources = [Path(__file__).with_name("adder_graph_fuzz.cpp"), *(native / f"{s}.cpp" for s in SOURCES)]
    flags = "-std=c++17 -O1 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover=all"
    subprocess.run(
        [compiler, *flags.split(), f"-I{native}", *map(str, sources), "-o", str(program)], check=True
    )
    done = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "3000 graphs\n"), done.stderr[-2000:]
