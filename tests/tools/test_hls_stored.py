"""Constants of HLS C++ lie in integers of C++ for simulation and in exact types for synthesis: the same function."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.engine_graphs import residual
from tests.stream_programs import folded
from tests.tools.hls_programs import build_and_run
from tests.tools.test_hls import folded as loops
from tests.tools.test_hls_engines import project as engine
from tests.tools.test_hls_streams import project as streams

from bitwright.backends.cpp.project import library
from bitwright.passes.buffer import Buffer

_ASKED = """#include <type_traits>
#include "bw_stored.h"
static_assert(std::is_same<bw_hls::Stored<long, char>, WANTED>::value, "the other type");
"""


@pytest.mark.tool("g++")
@pytest.mark.parametrize(
    ("flags", "wanted"), [((), "char"), (("-D__SYNTHESIS__",), "long"), (("-DHLS_SYNTHESIS",), "long")]
)
def test_only_synthesis_sees_the_exact_type(flags: tuple[str, ...], wanted: str, tmp_path: Path) -> None:
    (tmp_path / "bw_stored.h").write_text(library("bw_stored.h"))
    (tmp_path / "asked.cpp").write_text(_ASKED)
    command = ["g++", "-std=c++14", "-fsyntax-only", *flags, f"-DWANTED={wanted}", "asked.cpp"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.tool("g++")
def test_what_synthesis_sees_gives_the_same_integers(tmp_path: Path) -> None:
    made = [streams(Buffer()(folded()), "catapult"), engine(residual(), 4, "catapult"), loops(18, "catapult", 6)]
    assert "bw_hls::Stored<ac_int<3, true>, std::int8_t>" in made[0].files["folded_fc1_weights.h"]
    assert "bw_hls::Stored<" in made[1].files["residual_weights.h"]
    assert "static const bw_hls::Stored<" in made[2].files[f"{made[2].top}.cpp"]
    told = build_and_run(made, tmp_path, "-DBW_SIMULATION", "-DHLS_SYNTHESIS")
    counts = (4, 3, 30)
    assert told == "".join(f"{p.top}: {n} vectors, 0 numbers differ\n" for p, n in zip(made, counts, strict=True))
