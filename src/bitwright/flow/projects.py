"""Project files of a design: its edge described once, then written for the tools that were named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bitwright.backends.projects import (
    Block,
    Outside,
    Tensor,
    Top,
    checked_projects,
    constraint_files,
    golden_beats,
    ports_json,
    ports_page,
    stream_wrapper,
)
from bitwright.backends.projects import project_files as written_by
from bitwright.backends.projects.describe import pipeline_tops, stream_top
from bitwright.core.naming import Namer
from bitwright.flow.compiled import Compiled
from bitwright.flow.vectors import random_codes
from bitwright.ir.graph import TensorType, run
from bitwright.ir.interface import Decoder, Encoder, GridEncoder

if TYPE_CHECKING:
    from bitwright.backends.verilog import Emitted
    from bitwright.backends.verilog.stream import StreamEmitted
    from bitwright.flow.framed import Framed

__all__ = ["checked_projects", "described", "described_frames", "project_files", "vivado_folder"]


def project_files(design: Compiled, block: Block, projects: Sequence[str]) -> tuple[dict[str, str], dict[str, Any]]:
    """Files by path, and what the manifest says of them.

    The port table and VHDL of streaming tops; where projects are named also constraints, and the projects.
    """
    files = {"docs/ports.json": ports_json(block)}
    files |= {f"rtl/{top.module}.vhd": stream_wrapper(block, top) for top in block.tops if top.streams}
    if block.architecture != "parallel":  # whose Verilog brings its page along
        files["docs/ports.md"] = ports_page(block)
    seed = design.options.seed
    used: dict[str, Any] = {"projects": {}, "seeds": {"golden_vectors": seed, "search": seed}}
    if projects:
        written, used["projects"] = written_by(block, projects)
        files |= constraint_files(block) | written
    return files, used


def described(design: Compiled, emitted: Emitted, about: str, *, vectors: int = 1) -> Block:
    """A parallel design with so many golden frames for its AXI4-Stream top."""
    tensors = _tensors(design)
    tops = pipeline_tops(emitted, [tensor.name for tensor in tensors], valid=design.options.valid)
    return _block(design, "parallel", about, tops, tensors, vectors)


def described_frames(
    design: Framed, emitted: StreamEmitted, *, vectors: int = 1, registers: Mapping[str, Any] | None = None
) -> Block:
    """A design that takes frames word by word, with so many golden ones; `registers`: what registers.json says."""
    tensors, found = _tensors(design), design.estimate()
    top = stream_top(
        emitted, [tensor.name for tensor in tensors], latency_cycles=found.latency_cycles,
        initiation_cycles=found.initiation_cycles,
    )  # fmt: skip
    made = _block(design, design.level, design.header, (top,), tensors, vectors)
    if emitted.memory is not None:
        memory = emitted.memory
        size = len(memory.data) + memory.maps
        made = replace(made, outside=Outside(memory.external.data_bits, memory.hex_lines(), size))
    return replace(made, registers=registers, memories=design.memory_words()) if registers else made


def _block(
    design: Compiled, architecture: str, about: str, tops: tuple[Top, ...], tensors: tuple[Tensor, ...],
    vectors: int,
) -> Block:  # fmt: skip
    codes = random_codes(design.graph, vectors, design.options.seed)
    arrays = [*codes, *(run(design.graph, codes) if vectors else [])]
    streaming = next((top for top in tops if top.streams and vectors), None)
    golden = golden_beats(streaming, dict(zip([t.name for t in tensors], arrays, strict=False))) if streaming else {}
    return Block(
        design.name, architecture, design.options.device, design.clock_mhz, about, design.graph.digest(), tops, tensors,
        golden, vectors,
    )  # fmt: skip


def _tensors(design: Compiled) -> tuple[Tensor, ...]:
    """Inputs, then outputs, under names of their own."""
    fresh = Namer()
    inputs = [
        _tensor(fresh(node.name), "input", node.type, _encoded(encoder))
        for node, encoder in zip_longest(design.graph.inputs, design.encoders)
    ]
    outputs = [
        _tensor(fresh(node.name), "output", node.type, _decoded(decoder))
        for node, decoder in zip_longest(design.graph.results, design.decoders)
    ]
    return (*inputs, *outputs)


def _encoded(encoder: Encoder | None) -> dict[str, Any]:
    """`rule`: whether floats are divided by a step, or multiplied by its reciprocal (which rounds otherwise).

    Nothing for a design of integers, which knows no floats.
    """
    if encoder is None:
        return {}
    rule = "divide" if isinstance(encoder, GridEncoder) else "multiply"
    return {"source": encoder.source, "rule": rule, **encoder.describe()}


def _decoded(decoder: Decoder | None) -> dict[str, Any]:
    if decoder is None:
        return {}
    told: dict[str, Any] = {"head": decoder.head.value}
    if decoder.table:
        told |= {"kind": "table", "start": decoder.start, "table": list(decoder.table)}
    else:
        step = [str(s) for s in decoder.step.array.ravel()]
        told |= {"kind": "step", "step": step, "step_shape": list(decoder.step.shape)}
    return told


def _tensor(name: str, direction: Any, type: TensorType, meaning: Mapping[str, Any]) -> Tensor:
    low, high = (_few(bound) for bound in type.bounds())
    uniform = type.step.uniform
    each = [uniform] if uniform is not None else np.broadcast_to(type.step.array, type.shape).ravel()
    return Tensor(name, direction, type.shape, low, high, tuple(str(step) for step in each), meaning)


def _few(values: Any) -> tuple[int, ...]:
    """One entry where all are equal."""
    flat = tuple(np.asarray(values).ravel().tolist())
    return flat[:1] if len(set(flat)) == 1 else flat


def vivado_folder(folder: Path, module: str = "") -> Path:
    """Where Vivado left the reports of a module, below what `write` was given (or that folder itself)."""
    below = folder / "projects" / "vivado"
    if module:
        return below / module
    found = sorted(path.parent for path in below.glob("*/*_utilization.rpt"))
    return found[0] if found else folder
