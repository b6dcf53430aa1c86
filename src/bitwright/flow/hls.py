"""HLS C++ of a design: from which level, for which vendor, with which golden vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import Any

import bitwright
from bitwright.backends.cpp.dialects import dialect
from bitwright.backends.cpp.project import HlsFiles, Target, commands, folded_project, parallel_project
from bitwright.backends.cpp.streaming import framed_project
from bitwright.core.errors import ConfigError
from bitwright.flow.compiled import Compiled
from bitwright.flow.hls_size import check_size
from bitwright.flow.vectors import random_codes
from bitwright.ir.graph import run

__all__ = ["STRATEGIES", "Hls", "asked_hls", "hls_files", "hls_texts"]

STRATEGIES = ("latency", "distributed_arithmetic", "resource")


@dataclass(frozen=True)
class Hls:
    """How to write HLS C++.

    vendor: vitis, vivado, catapult, intel or smarthls. strategy: "latency" and "distributed_arithmetic" (one thing
    here: constants dissolved into shared sums, straight-line expressions, a sample every clock cycle) or
    "resource" (loops, multipliers used `reuse_factor` times for a sample). reuse_factor: for all layers, or by
    layer name. part: as the vendor's tool spells it ("": the design's device). loadable: weights of a streaming
    design are arguments of the top function. Streaming designs and engines are folded as they were compiled: strategy
    and reuse_factor say nothing there, and are refused.
    """

    vendor: str = "vitis"
    strategy: str = "latency"
    reuse_factor: int | Mapping[str, int] = 1
    part: str = ""
    loadable: bool = False
    notes: tuple[str, ...] = field(default=())
    """What was read from elsewhere and plays no part here."""

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            near = get_close_matches(self.strategy, STRATEGIES, 1) or [", ".join(STRATEGIES)]
            raise ConfigError(
                f"unknown HLS strategy {self.strategy!r}", where="option strategy", remedy=f"did you mean {near[0]}?"
            )
        factors = [self.reuse_factor] if isinstance(self.reuse_factor, int) else list(self.reuse_factor.values())
        if any(factor < 1 for factor in factors):
            raise ConfigError("a reuse factor below 1", where="option reuse_factor", remedy="give 1 or more")


def asked_hls(vendor: str, strategy: str = "", reuse: Sequence[str] = (), loadable: bool = False) -> Hls | str:
    """What the command line asks for: vendor or vendor=part, reuse factors as 16 or as layer=16; "" where nothing.

    Raises `ConfigError` for an unknown vendor or strategy, for no factor, and for the others without a vendor.
    """
    for option, value in (("--strategy", strategy), ("--reuse-factor", reuse), ("--loadable", loadable)):
        if value and not vendor:
            raise ConfigError(f"{option} without --hls", where="HLS C++", remedy="name a vendor as well: --hls vitis")
    if not vendor:
        return ""
    name, _, part = vendor.partition("=")
    factors = _factors(reuse)
    return Hls(dialect(name).name, strategy or Hls.strategy, factors, part, loadable)


def _factors(reuse: Sequence[str]) -> int | dict[str, int]:
    """One factor for all layers, or some by layer."""
    pairs = [text.rpartition("=") for text in reuse]
    wrong = next((text for text, (_, _, n) in zip(reuse, pairs, strict=True) if not n.isdecimal()), None)
    if wrong is None and len(pairs) > 1 and not all(layer for layer, _, _ in pairs):
        wrong = " ".join(reuse)
    if wrong is not None:
        raise ConfigError(
            f"reuse factor {wrong!r}", where="option --reuse-factor", remedy="give a number once, or layer=number each"
        )
    if pairs and not pairs[0][0]:
        return int(pairs[0][2])
    return {layer: int(n) for layer, _, n in pairs} or 1


def hls_files(design: Compiled, options: Hls | None = None, *, vectors: int = 64) -> HlsFiles:
    """The HLS project of a design of any architecture with `vectors` golden vectors in its bench.

    Raises `ConfigError` for options that are not that architecture's, `Unsupported` for what would be absurd to
    compile (`check_size`).
    """
    told = options or Hls()
    check_size(design, told.strategy)
    codes = random_codes(design.graph, vectors, design.options.seed)
    golden = (codes, run(design.graph, codes))
    target = Target(told.vendor, told.part or design.options.device, design.clock_mhz)
    header = f"{design.name}: written by bitwright {bitwright.__version__}; graph {design.graph.digest()[:16]}"
    program: Any = getattr(design, "program", None)
    if program is not None:
        _folded_already(told)
        return framed_project(
            program, target, name=design.name, vectors=golden, header=header, loadable=told.loadable
        )
    if told.loadable:
        raise ConfigError(
            "loadable weights of an unrolled design", where="option loadable", why="its constants are the circuit",
            remedy="compile it with architecture='dataflow'",
        )  # fmt: skip
    if told.strategy == "resource":
        _known_layers(design, told.reuse_factor)
        return folded_project(
            design.graph, target, reuse=told.reuse_factor, name=design.name, vectors=golden, header=header
        )
    return parallel_project(design.combinational, target, name=design.name, vectors=golden, header=header)


def hls_texts(design: Compiled, options: Hls | str, *, vectors: int) -> tuple[dict[str, str], dict[str, Any]]:
    """The files of `hls_files` below `hls/`, and what the manifest says of them; nothing where `options` is ""."""
    if not options:
        return {}, {}
    told = Hls(options) if isinstance(options, str) else options
    made = hls_files(design, told, vectors=vectors)
    record = {**asdict(told), "part": told.part or design.options.device, "top": made.top, "folder": "hls"}
    record |= {"notes": list(told.notes), "commands": list(commands(told.vendor))}
    if getattr(design, "program", None) is not None:  # folded as it was compiled: options.folding tells
        del record["strategy"], record["reuse_factor"]
    return {f"hls/{name}": text for name, text in made.files.items()}, {"hls": record}


def _folded_already(told: Hls) -> None:
    """Refuse what a design that is folded leaves no choice of."""
    for name, value in (("strategy", told.strategy), ("reuse_factor", told.reuse_factor)):
        if value != getattr(Hls, name):
            raise ConfigError(
                f"{name} {value!r} for a folded design", where=f"option {name}",
                why="its loops are those of its folding", remedy="compile it with folding={...} or target_fps",
            )  # fmt: skip


def _known_layers(design: Compiled, factors: int | Mapping[str, int]) -> None:
    names = {name for node in design.graph.nodes for name in (node.name, node.origin.layer)}
    for name in factors if not isinstance(factors, int) else ():
        if name not in names:
            near = get_close_matches(name, sorted(names), 1) or [", ".join(sorted(names))]
            raise ConfigError(f"no layer {name!r}", where="option reuse_factor", remedy=f"did you mean {near[0]}?")
