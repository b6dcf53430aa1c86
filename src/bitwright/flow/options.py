"""One schema of options for compile: keyword arguments, a dict, or a TOML, YAML or JSON file."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Any

from bitwright.core.errors import ConfigError

__all__ = ["Options", "read_options"]

_ARCHITECTURES = ("auto", "parallel", "dataflow", "engine", "mixed")

InputFormatOption = str | tuple[str, Fraction] | None
WritableOption = bool | list[str] | dict[str, Any] | None


@dataclass(frozen=True)
class Options:
    """How to compile.

    device: a name of `bitwright.platforms.devices()`. clock_mhz: target clock (None: the device's
    default). architecture: "parallel", "dataflow", "engine", "mixed" (streams with an engine between them), or "auto":
    the best of these where a pace is asked for or the network is too large to unroll, else "parallel".
    input_format: "s8.3" or (format, step) for inputs without a quantizer. output_format: grid of an output that has no
    exact one. state_format: grid of the states of LSTM, GRU and RNN in ONNX files (docs/onnx.md). name: of the design.
    valid: carry a valid bit along the pipeline. latency_cycles: of the pipeline (None: the least that meets the clock).
    balance: share of flip-flops that may be spent on a faster clock. max_depth: adders on a path of a matrix product
    (-1: as few as possible). effort: rounds of the search for smaller matrix products.
    budget_s: seconds for each of these searches instead. dsps: DSP slices that constant multiplications may take.
    argmax_only: outputs keep only the order of their classes, in fewer bits (`predict` then gives scores: a
    softmax of them stays, but for biases finer than the sums). seed: of random vectors and of that search.

    Of the dataflow architecture: initiation_cycles, or target_fps: the pace that every layer is folded for; folding:
    {"layer": {"SIMD": lanes, "PE": units, ...}} for layers that are to be folded otherwise; writable: layers whose
    weights, biases and thresholds can be written while the hardware runs (True: all; names; or {"layer": bits of a
    weight, or {"weights": bits, "bias": bits}}).

    Of the engine: engine_lanes, elements of a word of its memories; its matrix unit has lanes x lanes multipliers.
    Of "mixed": segment, {"given": name, "made": name}, the values between which the layers are the engine's, which then
    has engine_lanes; without it both are what is best.
    engine_memory: weights come from external memory over AXI4, and what it is like: fields of `ir.engine.External`
    (data_bits, burst_beats, outstanding, latency_cycles, beat_cycles, address_bits), buffer_words, of each of two
    buffers (0: all weights stay on the chip once they are there; left out: what `plan_offload` finds room for), and
    feature_words, of feature memory at most: larger maps go outside (0: all stay).
    """

    device: str = "xcvu9p"
    clock_mhz: float | None = None
    architecture: str = "auto"
    input_format: InputFormatOption = None
    output_format: str | None = None
    state_format: str | None = None
    name: str = ""
    valid: bool = False
    latency_cycles: int | None = None
    balance: float = 0.0
    max_depth: int = -1
    effort: int = 2
    budget_s: float | None = None
    dsps: int = 0
    argmax_only: bool = False
    initiation_cycles: int | None = None
    target_fps: float | None = None
    folding: dict[str, Any] | None = None
    writable: WritableOption = None
    engine_lanes: int = 16
    engine_memory: dict[str, Any] | None = None
    segment: dict[str, Any] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.architecture not in _ARCHITECTURES:
            raise ConfigError(
                f"architecture {self.architecture!r}",
                where="option architecture",
                remedy=f"use {', '.join(repr(name) for name in _ARCHITECTURES[:-1])} or {_ARCHITECTURES[-1]!r}",
            )
        if self.segment is not None and self.architecture not in ("auto", "mixed"):
            raise ConfigError(f"segment for architecture {self.architecture!r}", where="options", remedy="use 'mixed'")
        self._check_pace()
        if self.clock_mhz is not None and not 0 < self.clock_mhz < 2000:
            raise ConfigError(f"{self.clock_mhz} MHz", where="option clock_mhz", remedy="give a clock from 1 to 2000")
        least: dict[str, float] = {"latency_cycles": 1, "balance": 0, "max_depth": -1, "effort": 0, "budget_s": 0}
        least |= {"dsps": 0, "initiation_cycles": 1, "target_fps": 1e-9, "engine_lanes": 1}
        for name, bound in least.items():
            told = getattr(self, name)
            if told is not None and told < bound:
                raise ConfigError(f"{told} is too small", where=f"option {name}", remedy=f"give {bound} or more")

    def _check_pace(self) -> None:
        """A pace or a folding belongs to streams, and there is one pace."""
        asked = [name for name in _STREAMING if self._is_asked(name)]
        if asked and self.architecture not in ("auto", "dataflow", "mixed"):
            raise ConfigError(
                f"{asked[0]} for architecture {self.architecture!r}", where="options", remedy="use 'dataflow'"
            )
        if self.writable and self.argmax_only:
            raise ConfigError("writable and argmax_only", where="options", remedy="leave one of them out")
        if {"initiation_cycles", "target_fps"} <= set(asked):
            raise ConfigError("two paces", where="options", remedy="give initiation_cycles or target_fps")

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Options:
        """From a mapping; an unknown key or a wrong kind of value is an error with the nearest key."""
        known = {f.name: f.type for f in fields(cls)}
        for key, value in told.items():
            if key not in known:
                near = get_close_matches(key, known, 1) or [", ".join(known)]
                raise ConfigError(f"unknown option {key!r}", where="options", remedy=f"did you mean {near[0]}?")
            if key == "writable" and isinstance(value, set | frozenset | tuple):
                value = list(value)
            if not _fits(value, str(known[key])):
                raise ConfigError(f"{key}={value!r} is no {known[key]}", where="options", remedy="see bw.Options")
        record = dict(told)
        if isinstance(record.get("writable"), set | frozenset | tuple):
            record["writable"] = sorted(record["writable"])
        if isinstance(record.get("input_format"), tuple | list):
            record["input_format"] = _with_step(record["input_format"])
        return cls(**record)

    @property
    def streams(self) -> bool:
        """Whether a design of these options is a streaming one, where the network allows it."""
        asked = any(self._is_asked(name) for name in (*_STREAMING, "segment"))
        return self.architecture in ("dataflow", "mixed") or (self.architecture == "auto" and asked)

    def _is_asked(self, name: str) -> bool:
        """Whether an option says something; of `writable` only layers do."""
        told = getattr(self, name)
        return bool(told) if name == "writable" else told is not None

    def to_dict(self) -> dict[str, Any]:
        """As plain data, for the manifest."""
        record = asdict(self)
        if isinstance(self.input_format, tuple):
            record["input_format"] = [str(part) for part in self.input_format]
        return record


_STREAMING = ("initiation_cycles", "target_fps", "folding", "writable")
"""Options of the dataflow architecture."""


def _with_step(told: Any) -> tuple[Any, Fraction]:
    """(format, step), from a file too: there the step is a text such as "1/255"."""
    try:
        format, step = told
        return format, Fraction(step)
    except (TypeError, ValueError, ZeroDivisionError) as error:
        raise ConfigError(
            f"input_format={told!r} is no pair of format and step", where="options", remedy="write ['u8.0', '1/255']"
        ) from error


def _fits(value: Any, declared: str) -> bool:
    if declared == "InputFormatOption":
        return value is None or isinstance(value, str | tuple | list)
    if declared == "WritableOption":
        return value is None or isinstance(value, bool | list | dict)
    kinds = {"str": str, "bool": bool, "int": int, "float": (int, float), "None": type(None), "dict": dict}
    wanted = [kinds[part.strip().partition("[")[0]] for part in declared.split("|")]
    if isinstance(value, bool):
        return bool in wanted
    return any(isinstance(value, kind) for kind in wanted)


def read_options(path: str | Path) -> dict[str, Any]:
    """The options in a .toml, .json, .yaml or .yml file, as a dict."""
    file = Path(path)
    try:
        text = file.read_text()
        match file.suffix:
            case ".toml":
                record = tomllib.loads(text)
            case ".json":
                record = json.loads(text)
            case ".yaml" | ".yml":
                record = _yaml(text)
            case _:
                raise ConfigError(
                    f"files ending in {file.suffix!r}", where=str(file), remedy="use .toml, .yaml or .json"
                )
    except (OSError, ValueError) as error:
        raise ConfigError("cannot be read", where=str(file), why=str(error), remedy="check path and syntax") from error
    if not isinstance(record, dict):
        raise ConfigError("holds no table of options", where=str(file), remedy="write `device = \"xcvu9p\"`")
    return {str(k): v for k, v in record.items()}


def _yaml(text: str) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise ConfigError("YAML needs PyYAML", remedy="pip install pyyaml, or write the options as TOML") from error
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
