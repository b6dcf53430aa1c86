"""HLS projects built with g++: the vendors' integer types are those of the hls4ml wheel (Apache-2.0)."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from bitwright.backends.cpp.project import HlsFiles

__all__ = ["build_and_run", "calls_of", "type_headers"]

# Stand-ins for headers of tools that are not here: the types are the same.
_STAND_INS = {
    "hls/ap_int.hpp": "#include <ap_int.h>\nnamespace hls { using ::ap_int; using ::ap_uint; }\n",
    "HLS/hls.h": "#define component\n",
    "HLS/ac_int.h": "#include <ac_int.h>\n",
}


def type_headers() -> list[Path]:
    """The folders of ap_int.h and ac_int.h; where there are none the test is skipped, and fails in CI."""
    told = os.environ.get("BITWRIGHT_AP_TYPES", "")
    spec = importlib.util.find_spec("hls4ml")
    if told:
        root = Path(told)
    elif spec is not None and spec.origin is not None:
        root = Path(spec.origin).parent / "templates"
    elif os.environ.get("CI"):
        pytest.fail("CI must install hls4ml: no HLS C++ goes uncompiled there", pytrace=False)
    else:
        pytest.skip("hls4ml is not installed: its wheel holds ap_int.h (try: pip install --no-deps hls4ml)")
    return [root / "vivado" / "ap_types", root / "catapult" / "ac_types" / "include"]


def build_and_run(projects: Sequence[HlsFiles], folder: Path, *flags: str) -> str:
    """All benches in one program; what they print."""
    headers = type_headers()
    for name, text in _STAND_INS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    parts, calls = list[str](), list[str]()
    for project in projects:
        for name, text in project.files.items():
            (folder / name).write_text(text)
        main = f"main_{project.top}"
        sources = "".join(f'#include "{project.top}{tail}.cpp"\n' for tail in ("", "_tb"))
        parts.append(f"#define main {main}\n{sources}#undef main\n")
        calls.append(f"bad += {main}();")
    (folder / "all.cpp").write_text("".join(parts) + f"int main() {{ int bad = 0; {' '.join(calls)} return bad; }}\n")
    include = [f"-isystem{path}" for path in (*headers, folder)]
    command = ["g++", "-std=c++14", *flags, *include, "all.cpp", "-o", "all"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:4000]
    return subprocess.run(["./all"], cwd=folder, capture_output=True, text=True, check=False).stdout


def calls_of(script: str, commands: str, folder: Path, *words: str) -> list[str]:
    """What a vendor's script calls, run by tclsh with the tool's `commands` mocked; a line for each call."""
    mock = "".join(f"proc {name} args {{ puts [concat {name} $args] }}\n" for name in commands.split())
    (folder / "mock.tcl").write_text(mock + script)
    done = subprocess.run(["tclsh", "mock.tcl", *words], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()
