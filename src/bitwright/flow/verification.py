"""`verify`: one chain of comparisons from Keras to the simulated RTL, and the certificate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

import bitwright
from bitwright.backends.verilog import pack, unpack
from bitwright.core.errors import Mismatch
from bitwright.core.files import inside, write_atomic
from bitwright.core.progress import Progress
from bitwright.flow.compiled import Batch, Compiled
from bitwright.flow.difference import first_difference, in_common, netlist_fault
from bitwright.flow.reloading import declarations
from bitwright.flow.vectors import corner_codes, random_codes
from bitwright.flow.writing import emit, place
from bitwright.ir import graph as graphs
from bitwright.ir import netlist as netlists
from bitwright.ir.certificate import Certificate, Comparison, LayerProof
from bitwright.numeric import IntArray
from bitwright.toolchain import Ports, build, has_sum_cells, mapped

__all__ = ["certify", "keras_codes", "simulate", "unstable_samples", "vector_sets", "verify"]

_RANDOM = 2048
_OFF_GRID = 0.25
_FLOAT_BITS = 20
Arrays = list[NDArray[Any]]


def verify(
    design: Compiled,
    x: Batch | None,
    *,
    rtl: bool,
    workdir: str | Path | None,
    progress: Progress,
    float64: bool | None = None,
    netlist: bool = True,
    synthesized: bool = False,
) -> Certificate:
    """Compare all levels on the data given, on random codes and on corners; see `Design.verify`."""
    rtl = rtl and netlist
    fault = netlist_fault(design.netlist) if netlist else None
    if fault:
        raise Mismatch(fault, where=design.name, remedy="compile it again; if it stays, report it as a bug")
    if _of_keras(design) and (rtl if float64 is None else float64):
        progress.step("read the maps in float64")
        _second_opinion(design)
        progress.done(f"{sum(len(f.unstable) for f in design.findings)} unstable codes")
    sets = vector_sets(design, x)
    rows: list[Comparison] = []
    predicted = _predicted(design, sets, progress)
    for (label, _, codes), found in zip(sets, predicted, strict=True):
        progress.step(f"compare on {len(codes[0])} {label} vectors")
        golden = graphs.run(design.source, codes)
        if found is not None:
            rows.append(_compare_keras(design, label, found, codes, golden))
        built = graphs.run(design.graph, codes)
        rows.append(_compare(design, "graph", "built graph", label, codes, *in_common(design.graph, golden, built)))
        emulated = design.emulator(codes)
        rows.append(_compare(design, "built graph", "emulator", label, codes, built, emulated))
        for name, level in _netlists(design) if netlist else ():
            rows.append(_compare(design, "built graph", name, label, codes, built, _batched(level, codes)))
        progress.done("equal")
    if rtl:
        rows += _compare_rtl(design, sets, workdir, progress)
    if synthesized and netlist:
        rows += _compare_rtl(design, sets, workdir, progress, synthesized=True)
    return certify(design, tuple(rows), netlist)


def _netlists(design: Compiled) -> tuple[tuple[str, netlists.Netlist], ...]:
    return ("netlist", design.combinational), ("pipelined netlist", design.netlist)


def _second_opinion(design: Compiled) -> None:
    """Add the codes on which float64 gives another result to the findings of their maps."""
    from bitwright.frontends.keras.precise import graph_in_float64, map_differences

    if any(f.wide for f in design.findings):
        return  # the maps were read in float64 from the start
    options = design.options
    told = declarations(options.writable)
    other = graph_in_float64(design.model, options.input_format, options.output_format, told)
    differing = map_differences(design.source, other)
    design.findings = tuple(
        replace(f, unstable=tuple(sorted({*f.unstable, *differing[f.node]})), exact=f.exact and not differing[f.node])
        if f.node in differing
        else f
        for f in design.findings
    )


def vector_sets(design: Compiled, x: Batch | None) -> list[tuple[str, Arrays, list[IntArray]]]:
    """(label, float inputs of the model, codes): the user's data, random codes, corners."""
    sets: list[tuple[str, Arrays, list[IntArray]]] = []
    if x is not None:
        arrays = [np.asarray(a, dtype=np.float32) for a in (x if isinstance(x, list | tuple) else [x])]
        codes = design.encode(arrays)
        sets.append(("data", _on_told_grids(design, arrays, codes), codes))
    for label, codes in (
        ("random", random_codes(design.source, _RANDOM, design.options.seed)),
        ("corner", corner_codes(design.source, design.options.seed)),
    ):
        floats = _floats(design, codes)
        sets.append((label, floats, design.encode(floats)))
    return sets


def _on_told_grids(design: Compiled, arrays: Arrays, codes: list[IntArray]) -> Arrays:
    """The inputs as hardware sees them where `input_format` rounds them: the model itself has no quantizer there."""
    told = {f.layer for f in design.findings} if design.options.input_format is not None else set[str]()
    found = list(arrays)
    for encoder, code in zip(design.encoders, codes, strict=True):
        if f"input {encoder.source}" in told:
            found[encoder.source] = encoder.sample(code)
    return found


def _floats(design: Compiled, codes: list[IntArray]) -> Arrays:
    """Model inputs that encode to `codes`; an input that two encoders read follows the first."""
    by_source: dict[int, NDArray[Any]] = {}
    for encoder, code in zip(design.encoders, codes, strict=True):
        by_source.setdefault(encoder.source, encoder.sample(code))
    return [by_source[i] for i in sorted(by_source)]


def _batched(level: netlists.Netlist, codes: list[IntArray]) -> list[IntArray]:
    """A netlist in pieces of 4096 samples: memory stays bounded."""
    parts = [netlists.run(level, [c[i : i + 4096] for c in codes]) for i in range(0, len(codes[0]), 4096)]
    return [np.concatenate(column) for column in zip(*parts, strict=True)]


# ---- comparisons -----------------------------------------------------------------------------------


def keras_codes(design: Compiled, floats: Sequence[NDArray[Any]]) -> list[IntArray]:
    """The codes of what the model itself predicts (float heads taken off)."""
    if not _of_keras(design):
        return _executor_codes(design, floats)
    from bitwright.frontends.keras import logits
    from bitwright.frontends.keras.precise import logits_in_float64

    ask = logits_in_float64 if any(f.wide for f in design.findings) else logits
    found = ask(design.model, floats, [d.head for d in design.decoders])
    out: list[IntArray] = []
    for values, node in zip(found, design.source.results, strict=True):
        scaled = values.astype(np.float64) / node.type.step.floats()
        codes = np.rint(scaled)
        if design.options.output_format is not None:
            codes = np.clip(codes, *node.type.bounds())
        # A value off the grid equals no code: keep it different from every one.
        off = (codes != scaled) if design.options.output_format is None and node.type.step.dyadic else codes != codes
        out.append(np.where(off, np.iinfo(np.int64).min, codes).astype(np.int64))
    return out


def _model_of(design: Compiled) -> str:
    return "Keras" if _of_keras(design) else "ONNX"


def _of_keras(design: Compiled) -> bool:
    from bitwright.frontends.qonnx import Truth

    return design.model is not None and not isinstance(design.model, Truth)


def _executor_codes(design: Compiled, floats: Sequence[NDArray[Any]]) -> list[IntArray]:
    """The codes next to what the float executor of an ONNX file yields; a value between two codes equals none."""
    out: list[IntArray] = []
    for values, node, decoder in zip(design.model.logits(floats), design.source.results, design.decoders, strict=True):
        own = replace(decoder, step=node.type.step)
        scaled = own.codes(values.astype(np.float64))
        codes = np.rint(scaled)
        if design.options.output_format is not None:
            codes = np.clip(codes, *node.type.bounds())
        told = design.options.output_format is not None or _float_noise(design, node.type) > 0
        off = codes != codes if told else np.abs(scaled - codes) > _OFF_GRID
        out.append(np.where(off, np.iinfo(np.int64).min, codes).astype(np.int64))
    return out


def _float_noise(design: Compiled, type: graphs.TensorType) -> int:
    """How many codes a float32 of the model may lie off: steps of an ONNX output can be finer than float32 resolves."""
    return 0 if _of_keras(design) or design.model is None else type.largest >> _FLOAT_BITS


def _predicted(
    design: Compiled, sets: list[tuple[str, Arrays, list[IntArray]]], progress: Progress
) -> list[list[IntArray]] | list[None]:
    """The model's own codes for every set; one call, since each compiles the model anew."""
    if design.model is None:
        return [None] * len(sets)
    progress.step(f"predict with {_model_of(design)}")
    counts = [len(codes[0]) for _, _, codes in sets]
    together = [np.concatenate(parts) for parts in zip(*(floats for _, floats, _ in sets), strict=True)]
    found = keras_codes(design, together)
    ends = np.cumsum(counts)[:-1]
    progress.done(f"{sum(counts)} vectors")
    return [list(parts) for parts in zip(*(np.split(codes, ends) for codes in found), strict=True)]


def _compare_keras(
    design: Compiled, label: str, found: list[IntArray], codes: list[IntArray], golden: list[IntArray]
) -> Comparison:
    wrong, near = np.zeros(len(codes[0]), dtype=bool), np.zeros(len(codes[0]), dtype=bool)
    for a, b, node in zip(found, golden, design.source.results, strict=True):
        differs = (a != b).reshape(len(a), -1)
        far = np.abs(a.astype(np.float64) - b).reshape(differs.shape) > _float_noise(design, node.type)
        wrong |= (differs & far).any(axis=1)
        near |= differs.any(axis=1)
    exempt = unstable_samples(design, [c[wrong] for c in codes]) if wrong.any() else np.zeros(0, dtype=bool)
    if (~exempt).any():
        keep = np.flatnonzero(wrong)[~exempt]
        raise Mismatch(
            first_difference(_model_of(design), found, "graph", golden, keep),
            where=f"{design.name}, {label} vectors",
            remedy="run `bitwright diff` to find the layer",
        )
    # Exempt are samples on unstable codes, and those whose float output lies off by less than a float32 resolves.
    return Comparison(_model_of(design), "graph", label, len(codes[0]), 0, int((near | wrong).sum()))


def unstable_samples(design: Compiled, codes: list[IntArray]) -> NDArray[np.bool_]:
    """For each sample whether it meets a code on which compiled and eager floats disagree."""
    values = graphs.trace(design.source, codes)
    hit = np.zeros(len(codes[0]), dtype=bool)
    for finding in design.findings:
        if not finding.unstable:
            continue
        node = design.source.nodes[finding.node]
        rows = np.broadcast_to(node.op.rows.array, node.type.shape)  # pyright: ignore[reportAttributeAccessIssue]
        source = values[node.args[0]]
        for row, code in finding.unstable:
            hit |= ((source == code) & (rows == row)).reshape(len(source), -1).any(axis=1)
    return hit


def _compare(
    design: Compiled, before: str, after: str, label: str,
    codes: list[IntArray], golden: list[IntArray], found: list[IntArray],
) -> Comparison:  # fmt: skip
    differing = sum(int((a != b).sum()) for a, b in zip(golden, found, strict=True))
    if differing:
        samples = np.flatnonzero(
            np.any([(a != b).reshape(len(a), -1).any(axis=1) for a, b in zip(golden, found, strict=True)], axis=0)
        )
        raise Mismatch(
            first_difference(before, golden, after, found, samples),
            where=f"{design.name}, {label} vectors",
            why=f"{differing} codes differ",
            remedy="run `bitwright diff` to find the layer",
        )
    return Comparison(before, after, label, len(codes[0]), 0)


def _compare_rtl(
    design: Compiled, sets: list[tuple[str, Arrays, list[IntArray]]], workdir: str | Path | None, progress: Progress,
    *, synthesized: bool = False,
) -> list[Comparison]:  # fmt: skip
    rows: list[Comparison] = []
    everything = [np.concatenate(parts) for parts in zip(*(codes for _, _, codes in sets), strict=True)]
    found, simulator = simulate(design, everything, workdir, progress, synthesized=synthesized)
    family = design.device.fabric.family
    after = f"synthesized netlist ({family}, {simulator})" if synthesized else f"RTL ({simulator})"
    start = 0
    for label, _, codes in sets:
        part = slice(start, start + len(codes[0]))
        start += len(codes[0])
        golden = graphs.run(design.graph, codes)
        rows.append(
            _compare(design, "pipelined netlist", after, label, codes, golden, [f[part] for f in found])
        )
    return rows


def simulate(
    design: Compiled, codes: list[IntArray], workdir: str | Path | None, progress: Progress,
    *, synthesized: bool = False,
) -> tuple[list[IntArray], str]:  # fmt: skip
    """The RTL's outputs, one sample a cycle, and the simulator that gave them.

    synthesized: what yosys maps it to for the device's family instead, as `synthesize` does.
    """
    family = design.device.fabric.family
    plain = replace(design, options=replace(design.options, valid=False))
    emitted = emit(plain, primitives=synthesized and has_sum_cells(family))
    inputs = [p for p in emitted.ports if p.direction == "input"]
    outputs = [p for p in emitted.ports if p.direction == "output"]
    ports = Ports(tuple((p.name, p.bits) for p in inputs), tuple((p.name, p.bits) for p in outputs))
    latency = emitted.latency_cycles
    with TemporaryDirectory(prefix="bitwright-") as scratch:
        folder = Path(workdir) if workdir else Path(scratch)
        place(emitted, folder)
        sources = [folder / s for s in emitted.sources]
        if synthesized:
            sources = [_mapped(sources, emitted.top, folder, family, progress)]
        progress.step("build the simulation")
        with build(sources, emitted.top, ports, folder / "sim") as simulation:
            progress.done(simulation.built.simulator)
            progress.step(f"simulate {len(codes[0])} vectors")
            fed = {
                p.name: np.pad(pack([c], [p]), ((0, latency), (0, 0)), mode="edge")
                for p, c in zip(inputs, codes, strict=True)
            }
            seen = simulation.run(fed)
            progress.done()
            tool = simulation.built.simulator
    return [unpack(seen[p.name][latency:], [p])[0] for p in outputs], tool


def _mapped(sources: list[Path], top: str, folder: Path, family: str, progress: Progress) -> Path:
    """The file of the synthesized netlist."""
    progress.step(f"synthesize for {family}")
    text = mapped(sources, top, workdir=folder, family=family, timeout_s=1800.0)
    progress.done()
    return write_atomic(inside(folder, f"synthesized/{top}.v"), text)


# ---- certificate -----------------------------------------------------------------------------------


def certify(design: Compiled, comparisons: tuple[Comparison, ...], netlist: bool = True) -> Certificate:
    """The certificate of `design` with the comparisons that were made; `netlist`: that level was built."""
    by_layer: dict[str, list[Any]] = {}
    for finding in design.findings:
        by_layer.setdefault(finding.layer, []).append(finding)
    proofs: list[LayerProof] = []
    for node in design.source.nodes:
        found = by_layer.pop(node.origin.layer, [])
        if not found:
            continue
        formats = node.type.formats()
        widest = max(formats, key=lambda f: f.width)
        unstable = [pair for f in found for pair in f.unstable]
        proofs.append(
            LayerProof(
                layer=node.origin.layer,
                kind=design.kinds.get(node.origin.layer, ""),
                low=int(node.type.low.array.min()),
                high=int(node.type.high.array.max()),
                format=str(widest),
                step=str(node.type.step.uniform or "per channel"),
                exact=all(f.exact for f in found),
                why="; ".join(f.why for f in found),
                unstable_codes=len(unstable),
                examples=tuple(code for _, code in unstable[:8]),
            )
        )
    notes = tuple(f"{layer}: {f.why}" for layer, found in by_layer.items() for f in found)
    hashes = {"graph": design.graph.digest()}
    if netlist:
        hashes["netlist"] = design.netlist.digest()
    return Certificate(design.name, hashes, tuple(proofs), comparisons, {"bitwright": bitwright.__version__}, notes)
