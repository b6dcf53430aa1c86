"""hls4ml's configuration read as ours: reuse factors and strategies are taken over, precisions checked against proofs.

`read_hls4ml(config, design)` takes what hls4ml's `config_from_keras_model` returns, or its YAML file as a dictionary
(with `HLSConfig` inside). Nothing is dropped silently: an unknown key is an error with the nearest known one, a
precision too narrow for what the design computes is an error with the format that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from fractions import Fraction
from typing import Any

import numpy as np

from bitwright.core.errors import ConfigError
from bitwright.flow.compiled import Compiled
from bitwright.flow.hls import Hls
from bitwright.ir.graph.ops import Conv, ConvTranspose, Dense
from bitwright.ir.program import Node
from bitwright.numeric import IntArray, Steps

__all__ = ["layer_factors", "project_of", "read_hls4ml"]

_VENDORS = {
    "vitis": "vitis", "vivado": "vivado", "vivadoaccelerator": "vivado", "vitisaccelerator": "vitis",
    "catapult": "catapult", "quartus": "intel", "libero": "smarthls",
}  # fmt: skip
_STRATEGIES = {
    "latency": "latency", "unrolled": "latency", "distributed_arithmetic": "distributed_arithmetic",
    "da": "distributed_arithmetic", "resource": "resource", "resource_unrolled": "resource",
}  # fmt: skip
_FILE = {"Backend", "ProjectName", "OutputDir", "Part", "XilinxPart", "ClockPeriod", "ClockUncertainty", "IOType",
         "HLSConfig", "KerasModel", "KerasH5", "KerasJson", "InputData", "InputShapes", "OutputPredictions",
         "OutputShapes", "Stamp", "Version", "WriterConfig"}  # fmt: skip
_LEVELS = {"Model", "LayerName", "LayerType"}
_MODEL = {"Precision", "ReuseFactor", "Strategy", "BitExact", "BramFactor", "TraceOutput", "Compression",
          "ConvImplementation"}  # fmt: skip
_LAYER = {"Precision", "ReuseFactor", "Strategy", "Trace", "Compression", "ConvImplementation", "TableSize"}
_PRECISIONS = {"default", "maximum", "result", "weight", "bias", "accum"}
_UNUSED_PRECISIONS = {"table", "scale", "pointwise_accum", "recurrent_weight", "recurrent_bias", "depthwise",
                      "exp_table", "inv_table", "inv_inp", "input"}  # fmt: skip


def read_hls4ml(config: Mapping[str, Any], design: Compiled) -> Hls:
    """The HLS options that `config` asks for; raises `ConfigError` for what is unknown, impossible or too narrow.

    Of a streaming design the vendor and the part: `compile_hls4ml` folds one by its reuse factors.
    """
    notes, vendor, part = list[str](), "vitis", ""
    if not set(config) <= _LEVELS:
        _known("hls4ml config", config, _FILE)
        vendor, part = _place(config, design, notes)
    model, layers = _parts_of(config, design)
    strategy = _strategy([model.get("Strategy", "Latency"), *(told["Strategy"] for told in layers.values()
                                                             if "Strategy" in told)])  # fmt: skip
    for name, told in layers.items():
        _check_precision(design, name, told.get("Precision", model.get("Precision", "auto")), notes)
    factors = _factors(model, layers)
    if _streams(design):
        strategy, factors = Hls.strategy, 1
    return Hls(vendor, strategy, factors, part, notes=tuple(dict.fromkeys(notes)))


def layer_factors(config: Mapping[str, Any], design: Compiled) -> dict[str, int]:
    """The reuse factor of every layer of the design; 1 where its strategy is not resource."""
    model, layers = _parts_of(config, design)
    found = _factors(model, layers)
    return dict.fromkeys(layers, found) if isinstance(found, int) else found


def project_of(config: Mapping[str, Any]) -> tuple[str, str, float, bool]:
    """Project name, part, clock period in ns (0: not said) and whether inputs are streams."""
    _known("hls4ml config", config, _FILE)
    kind = str(config.get("IOType", "io_parallel"))
    if kind not in ("io_parallel", "io_stream"):
        raise ConfigError(f"IOType {kind!r}", where="hls4ml config", remedy="io_parallel or io_stream")
    part = str(config.get("Part", config.get("XilinxPart", "")) or "")
    return str(config.get("ProjectName", "") or ""), part, float(config.get("ClockPeriod") or 0), kind == "io_stream"


def _streams(design: Compiled) -> bool:
    return getattr(design, "level", "") == "dataflow"


def _parts_of(config: Mapping[str, Any], design: Compiled) -> tuple[Mapping[str, Any], dict[str, dict[str, Any]]]:
    """What is said of the model, and of every layer of the design."""
    inner: Mapping[str, Any] = config if set(config) <= _LEVELS else config.get("HLSConfig", {})
    _known("HLSConfig", inner, _LEVELS)
    model = inner.get("Model", {})
    _known("HLSConfig.Model", model, _MODEL)
    return model, _by_layer(inner, design)


def _known(where: str, told: Mapping[str, Any], known: Iterable[str]) -> None:
    names = sorted(known)
    for key in told:
        if key not in names:
            near = get_close_matches(str(key), names, 1) or [", ".join(names)]
            raise ConfigError(f"unknown key {key!r}", where=where, remedy=f"did you mean {near[0]}?")


def _place(config: Mapping[str, Any], design: Compiled, notes: list[str]) -> tuple[str, str]:
    """Vendor and part; interface and clock must be the design's."""
    backend = str(config.get("Backend", "Vitis"))
    if backend.lower() not in _VENDORS:
        raise ConfigError(f"backend {backend!r}", where="hls4ml config", remedy=f"one of {', '.join(_VENDORS)}")
    _, part, _, streams = project_of(config)
    if streams != _streams(design):
        raise ConfigError(
            f"IOType {config.get('IOType', 'io_parallel')!r}", where="hls4ml config",
            why="the design was compiled for the other kind of inputs",
            remedy="bw.compile_hls4ml(config, model) builds the one that it asks for",
        )  # fmt: skip
    period = config.get("ClockPeriod")
    if period is not None and abs(1000 / float(period) - design.clock_mhz) > 0.5:
        raise ConfigError(
            f"ClockPeriod {period} ns is {1000 / float(period):g} MHz", where="hls4ml config",
            why=f"the design was compiled for {design.clock_mhz:g} MHz", remedy="compile with that clock_mhz",
        )  # fmt: skip
    used = {"Backend", "IOType", "ClockPeriod", "Part", "XilinxPart", "HLSConfig", "KerasModel", "ProjectName"}
    notes += [f"{key} is not used" for key in config if key not in used]
    return _VENDORS[backend.lower()], part


def _by_layer(inner: Mapping[str, Any], design: Compiled) -> dict[str, dict[str, Any]]:
    """For every layer of the design what is said of it: of its name before of its type."""
    names, types = inner.get("LayerName", {}), inner.get("LayerType", {})
    found: dict[str, dict[str, Any]] = {}
    for where, told in ((f"HLSConfig.LayerName.{n}", t) for n, t in names.items()):
        _known(where, told, _LAYER)
    for where, told in ((f"HLSConfig.LayerType.{n}", t) for n, t in types.items()):
        _known(where, told, _LAYER)
    layers = {node.origin.layer or node.name for node in design.source.nodes}
    # hls4ml makes layers of its own out of activations and inputs: fc1_relu, x_input.
    _known("HLSConfig.LayerName", {n: t for n, t in names.items() if not _derived(n, layers)}, layers)
    for layer in layers:
        kind = design.kinds.get(layer, "")
        found[layer] = {**types.get(kind, {}), **names.get(layer, {})}
    return found


def _derived(name: str, layers: set[str]) -> bool:
    return any(name.startswith(f"{layer}_") for layer in layers)


def _strategy(told: list[Any]) -> str:
    """Resource wherever one layer asks for it (the others then use a multiplier once)."""
    found = set[str]()
    for word in told:
        if str(word).lower() not in _STRATEGIES:
            near = get_close_matches(str(word).lower(), _STRATEGIES, 1) or [", ".join(_STRATEGIES)]
            raise ConfigError(f"strategy {word!r}", where="hls4ml config", remedy=f"did you mean {near[0]}?")
        found.add(_STRATEGIES[str(word).lower()])
    return "resource" if "resource" in found else sorted(found)[-1]


def _factors(model: Mapping[str, Any], layers: Mapping[str, Mapping[str, Any]]) -> int | dict[str, int]:
    """One factor, or one per layer; a layer that is not in resource strategy counts 1."""
    common, general = int(model.get("ReuseFactor", 1)), str(model.get("Strategy", "Latency")).lower()
    each = {
        name: int(told.get("ReuseFactor", common))
        if _STRATEGIES[str(told.get("Strategy", general)).lower()] == "resource"
        else 1
        for name, told in layers.items()
    }
    values = set(each.values())
    return values.pop() if len(values) == 1 else each


def _check_precision(design: Compiled, layer: str, told: Any, notes: list[str]) -> None:
    precisions = told if isinstance(told, Mapping) else {"result": told}
    _known(f"Precision of {layer}", precisions, _PRECISIONS | _UNUSED_PRECISIONS)
    nodes = [n for n in design.source.nodes if (n.origin.layer or n.name) == layer]
    for what, word in precisions.items():
        if str(word) == "auto":
            continue
        if what in _UNUSED_PRECISIONS or what == "maximum":
            notes.append(f"precision {what} is not used: proven formats are")
            continue
        for low, high, step in _proven(design, nodes, what):
            _holds(f"{layer}, precision {what}", str(word), low, high, step)


def _proven(design: Compiled, nodes: list[Node[Any, Any]], what: str) -> list[tuple[int, int, Fraction]]:
    """Codes (least, greatest) with their step that the layer's `what` takes."""
    linear = [n for n in nodes if isinstance(n.op, Dense | Conv | ConvTranspose)]
    if what in ("result", "default"):
        return [part for n in nodes[-1:] for part in _parts(n.type.bounds(), n.type.step)]
    if what == "accum":
        return [part for n in linear for part in _parts(n.type.bounds(), n.type.step)]
    if what == "bias":
        return [part for n in linear for part in _constants(n.op.bias.array, n.type.step)]
    found = list[tuple[int, int, Fraction]]()
    for node in linear:
        given = design.source.nodes[node.args[0]].type.step.uniform
        if given is not None and node.type.step.uniform is not None:
            found += _constants(node.op.weights.array, node.type.step.times(1 / given))
    return found


def _constants(codes: IntArray, steps: Steps) -> list[tuple[int, int, Fraction]]:
    """Of numbers that are known the coarsest step counts on which all lie; zeros need none."""
    found = list[tuple[int, int, Fraction]]()
    for low, high, step in _parts((codes, codes), steps):
        coarse = int(np.gcd.reduce(codes, axis=None)) if steps.uniform is not None else max(abs(low), 1)
        if coarse:
            found.append((low // coarse, high // coarse, step * coarse))
    return found


def _parts(ends: tuple[IntArray, IntArray], steps: Steps) -> list[tuple[int, int, Fraction]]:
    """One range per step."""
    low, high = ends
    each = np.broadcast_to(steps.array, low.shape) if steps.uniform is None else None
    if each is None:
        return [(int(low.min()), int(high.max()), steps.uniform or Fraction(1))]
    return [(int(a), int(b), s) for a, b, s in zip(low.ravel(), high.ravel(), each.ravel(), strict=True)]


_TYPE = re.compile(r"(?:ap_|ac_)?(u?)(fixed|int)<\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?(?:,\s*\w+\s*)*>")


def _holds(where: str, word: str, low: int, high: int, step: Fraction) -> None:
    """Raise where the type `word` cannot hold low * step to high * step exactly."""
    match = _TYPE.fullmatch(word.strip())
    if match is None:
        raise ConfigError(f"precision {word!r}", where=where, remedy="write ap_fixed<W,I> or auto")
    unsigned, kind, width = match[1] == "u", match[2], int(match[3])
    whole = int(match[4]) if kind == "fixed" and match[4] is not None else width
    grid = Fraction(2) ** (whole - width)
    top = Fraction(2) ** (whole if unsigned else whole - 1)
    fits = (0 if unsigned else -top) <= low * step and high * step <= top - grid
    if not fits or (step / grid).denominator != 1:
        raise ConfigError(
            f"{word} cannot hold the proven range {float(low * step):g} to {float(high * step):g} in steps of {step}",
            where=where, why="hls4ml would round or overflow here",
            remedy="widen it, or write auto: proven formats are used",
        )  # fmt: skip
