"""HLS C++ of a design: which level it is written from, for which vendor, with which golden vectors."""

from __future__ import annotations

from pathlib import Path

import bitwright
from bitwright.backends.cpp.project import HlsFiles, Target, parallel_project
from bitwright.core.files import inside, write_atomic
from bitwright.flow.compiled import Compiled
from bitwright.flow.vectors import random_codes
from bitwright.ir.graph import run

__all__ = ["hls_files", "write_hls"]


def hls_files(design: Compiled, vendor: str = "vitis", *, vectors: int = 64, part: str = "") -> HlsFiles:
    """The HLS project of the unrolled network: straight-line integers, one function per layer, II = 1.

    vendor: vitis, vivado, catapult, intel or smarthls. part: as its tool spells it (default: the design's device).
    """
    codes = random_codes(design.graph, vectors, design.options.seed)
    target = Target(vendor, part or design.options.device, design.clock_mhz)
    return parallel_project(
        design.combinational, target, name=design.name, vectors=(codes, run(design.graph, codes)),
        header=f"{design.name}: written by bitwright {bitwright.__version__}; graph {design.graph.digest()[:16]}",
    )  # fmt: skip


def write_hls(files: HlsFiles, folder: Path) -> list[Path]:
    """Write the project's files into `folder`."""
    return [write_atomic(inside(folder, name), text) for name, text in files.files.items()]
