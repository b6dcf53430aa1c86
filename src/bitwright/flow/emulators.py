"""The C++ emulator of a design: its files, and its shared library built and loaded here."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import bitwright
from bitwright.backends.cpp import EmulatorFiles, emulator
from bitwright.backends.cpp.loader import Emulator
from bitwright.core.errors import ToolFailed
from bitwright.core.files import inside, write_atomic
from bitwright.flow.compiled import Compiled
from bitwright.toolchain import find_compiler
from bitwright.toolchain.process import run

__all__ = ["build_emulator", "emulator_files", "emulator_texts"]

_FLAGS = ("-std=c++17", "-O3", "-shared", "-fPIC")
_NATIVE = "-march=native"


def emulator_files(design: Compiled, version: str = "") -> EmulatorFiles:
    """The emulator's files by name; `version` is what it will say of itself (default: its hash)."""
    return emulator(
        design.graph, design.encoders, design.decoders, name=design.name, version=version,
        header=f"{design.name}: written by bitwright {bitwright.__version__}; graph {design.graph.digest()[:16]}",
    )  # fmt: skip


def emulator_texts(design: Compiled) -> tuple[dict[str, str], dict[str, Any]]:
    """The files of `emulator_files` below `emulator/`, and what the manifest says of them."""
    made = emulator_files(design)
    record = {
        "namespace": made.namespace, "folder": "emulator",
        "commands": ["cmake -S . -B build -DCMAKE_BUILD_TYPE=Release", "cmake --build build"],
    }  # fmt: skip
    return {f"emulator/{name}": text for name, text in made.files.items()}, {"emulator": record}


def build_emulator(
    design: Compiled, folder: Path | None = None, *, version: str = "", flags: Sequence[str] = (),
    timeout_s: float = 600.0,
) -> Emulator:  # fmt: skip
    """Compile the shared library for this machine and load it.

    folder: where sources and library stay (default: nowhere, once it is loaded). flags: for the compiler,
    behind those for speed. Raises `ToolMissing` without a C++ compiler.
    """
    files = emulator_files(design, version)
    if folder is not None:
        return _built(files, folder, flags, timeout_s)
    with TemporaryDirectory(prefix="bitwright-", ignore_cleanup_errors=True) as scratch:
        return _built(files, Path(scratch), flags, timeout_s)


def _built(files: EmulatorFiles, folder: Path, flags: Sequence[str], timeout_s: float) -> Emulator:
    for name, text in files.files.items():
        write_atomic(inside(folder, name), text)
    source, library = f"{files.name}_c.cpp", folder / f"lib{files.name}_{files.hash}.so"
    compiler = find_compiler().command
    command = (*compiler, *_FLAGS, *flags, source, "-o", library.name)
    try:
        run((*command[: len(compiler)], _NATIVE, *command[len(compiler) :]), folder, timeout_s, name="c++ compiler")
    except ToolFailed:  # a processor or compiler that does not know the word
        run(command, folder, timeout_s, name="c++ compiler", remedy="look at the compiler's messages")
    return Emulator(library, files.namespace)
