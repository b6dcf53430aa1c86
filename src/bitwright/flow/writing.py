"""Verilog text and files on disk: everything below one folder, each file written atomically."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import bitwright
from bitwright.backends.projects import checked_projects
from bitwright.backends.verilog import Emitted, vhdl_wrapper
from bitwright.backends.verilog import emit as emit_verilog
from bitwright.core.files import inside, sha256, write_atomic
from bitwright.flow.compiled import Compiled
from bitwright.flow.emulators import emulator_texts
from bitwright.flow.hls import Hls, hls_texts
from bitwright.flow.integers import c_header, save_npz
from bitwright.flow.projects import described, project_files
from bitwright.flow.vectors import random_codes
from bitwright.ir.graph import run, show

__all__ = ["emit", "place", "write"]


def emit(design: Compiled, *, axis: bool = False, vectors: int = 0, primitives: bool = False) -> Emitted:
    """The design's Verilog; with `vectors` > 0 a bench with that many golden vectors."""
    golden = None
    if vectors:
        codes = random_codes(design.graph, vectors, design.options.seed)
        golden = (codes, run(design.graph, codes))
    return emit_verilog(
        design.netlist, name=design.name, valid=design.options.valid, axis=axis, vectors=golden,
        header=_header(design), primitives=primitives,
    )  # fmt: skip


def _header(design: Compiled) -> str:
    return (
        f"{design.name}: written by bitwright {bitwright.__version__} for {design.options.device} at"
        f" {design.clock_mhz:g} MHz; graph {design.graph.digest()[:16]}"
    )


def place(emitted: Emitted, folder: Path) -> list[Path]:
    """Write the emitted files below `folder`."""
    return [write_atomic(inside(folder, name), text) for name, text in emitted.files.items()]


def write(
    design: Compiled, folder: Path, *, axis: bool, vectors: int, primitives: bool = False, emulator: bool = True,
    hls: Hls | str = "", projects: Sequence[str] = (),
) -> Path:  # fmt: skip
    """rtl/, tb/, docs/, emulator/ from the backends, the integers, the programs as text, certificate and manifest."""
    checked_projects(projects)
    emitted = emit(design, axis=axis, vectors=vectors, primitives=primitives)
    written = place(emitted, folder)
    wrapper = vhdl_wrapper(
        emitted.top, emitted.ports, emitted.latency_cycles, valid=design.options.valid, header=_header(design)
    )
    written.append(write_atomic(inside(folder, f"rtl/{emitted.top}.vhd"), wrapper))
    written.append(write_atomic(inside(folder, "programs/graph.txt"), show(design.graph)))
    written.append(save_npz(design.graph, inside(folder, "integers/integers.npz")))
    written.append(write_atomic(inside(folder, f"integers/{design.name}.h"), c_header(design.graph)))
    beside = [emulator_texts(design)] if emulator else []
    beside.append(hls_texts(design, hls, vectors=max(vectors, 1)))
    block = described(design, emitted, _header(design), vectors=max(vectors, 1) if projects else 0)
    texts, used = project_files(design, block, projects)
    for more, told in beside:
        texts, used = texts | more, used | told
    written += [write_atomic(inside(folder, name), text) for name, text in texts.items()]
    if design.certificate is not None:
        written.append(write_atomic(inside(folder, "reports/certificate.json"), design.certificate.to_json()))
    write_atomic(inside(folder, "manifest.json"), _manifest(design, folder, written, used))
    return folder


def _manifest(design: Compiled, folder: Path, written: list[Path], used: dict[str, Any]) -> str:
    root = folder.resolve()
    record = {
        "schema": 1,
        "name": design.name,
        "options": design.options.to_dict(),
        "inputs": [encoder.describe() for encoder in design.encoders],
        "outputs": [{"step": str(d.step.uniform), "head": d.head.value} for d in design.decoders],
        "latency_cycles": design.estimate().latency_cycles,
        "graph": design.graph.digest(),
        "search_rounds": [[layer, rounds] for layer, rounds in design.search_rounds],
        "netlist": design.netlist.digest(),
        "files": {str(p.resolve().relative_to(root)): sha256(p.read_bytes()) for p in sorted(written)},
        "versions": {"bitwright": bitwright.__version__, "numpy": np.__version__},
        **used,
    }
    return json.dumps(record, indent=2, sort_keys=True) + "\n"
