"""`Design`: a compiled network, its levels, and everything one can do with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.core.progress import Progress, Silent
from bitwright.cost import Prediction, predict
from bitwright.flow.options import Options
from bitwright.ir.graph import Graph
from bitwright.ir.graph.emulator import Emulator
from bitwright.ir.interface import Decoder, Encoder, RoundEncoder
from bitwright.ir.netlist import Netlist
from bitwright.numeric import IntArray
from bitwright.passes import Retime, Share, Synthesize
from bitwright.platforms import Device, device

if TYPE_CHECKING:
    from bitwright.backends.verilog import Emitted
    from bitwright.frontends.keras import Finding
    from bitwright.ir.certificate import Certificate
    from bitwright.report import Report
    from bitwright.toolchain import Synthesis

__all__ = ["Design"]

Floats = NDArray[np.float32]
Batch = NDArray[Any] | Sequence[NDArray[Any]]


@dataclass
class Design:
    """A network as hardware: exact integers on every level.

    `source` is the graph as read from the model, `graph` the one that is built; `model` is the
    Keras model (None for designs without one). The methods import what they need when called.
    """

    name: str
    options: Options
    source: Graph
    graph: Graph
    encoders: tuple[Encoder, ...]
    decoders: tuple[Decoder, ...]
    findings: tuple[Finding, ...] = ()
    kinds: dict[str, str] = field(default_factory=dict[str, str])
    model: Any = None
    origin: str = ""
    measured: Synthesis | None = None
    certificate: Certificate | None = None

    # ---- levels ------------------------------------------------------------------------------------

    @property
    def device(self) -> Device:
        """The device that the options name."""
        return device(self.options.device)

    @property
    def clock_mhz(self) -> float:
        """The target clock."""
        return self.options.clock_mhz or self.device.clock_mhz

    @cached_property
    def combinational(self) -> Netlist:
        """The unrolled network without registers."""
        return Synthesize(Share(self.options.max_depth))(self.graph)

    @cached_property
    def netlist(self) -> Netlist:
        """The pipelined netlist: what the Verilog says."""
        return Retime(self.device, self.clock_mhz)(self.combinational)

    @cached_property
    def emulator(self) -> Emulator:
        """The graph at BLAS speed."""
        return Emulator(self.graph)

    # ---- using it ----------------------------------------------------------------------------------

    def encode(self, x: Batch) -> list[IntArray]:
        """The input codes for float inputs, one array (batch, *shape) per hardware input."""
        arrays = self._arrays(x)
        return [encoder(arrays[encoder.source]) for encoder in self.encoders]

    def predict_codes(self, x: Batch) -> IntArray | list[IntArray]:
        """The integers that the hardware outputs, (batch, *shape); a list for several outputs."""
        return self._emulate(x, [lambda codes: codes] * len(self.decoders), np.int64)

    def predict(self, x: Batch) -> Floats | list[Floats]:
        """What the model returns: exact values, then the float head (softmax) if the model ends in one."""
        return self._emulate(x, self.decoders, np.float32)

    def _emulate(self, x: Batch, after: Sequence[Callable[[NDArray[Any]], NDArray[Any]]], dtype: Any) -> Any:
        arrays = self._arrays(x)
        before = [e.floats if isinstance(e, RoundEncoder) else e for e in self.encoders]
        out = self.emulator.mapped([arrays[e.source] for e in self.encoders], before, after, dtype)
        return out[0] if len(out) == 1 else out

    def _arrays(self, x: Batch) -> list[NDArray[Any]]:
        arrays = [np.asarray(a) for a in (x if isinstance(x, list | tuple) else [x])]
        wanted = 1 + max((e.source for e in self.encoders), default=0)
        if len(arrays) != wanted:
            raise InvalidValue(f"{len(arrays)} arrays for {wanted} inputs", where=self.name, remedy="pass a list")
        for encoder, node in zip(self.encoders, self.graph.inputs, strict=True):
            given = arrays[encoder.source].shape[1:]
            if given != node.type.shape:
                raise InvalidValue(
                    f"samples of shape {given} instead of {node.type.shape}",
                    where=f"{self.name}, input '{node.name}'",
                    remedy="put the batch axis first and check the model's input shape",
                )
        return arrays

    # ---- predicting, proving, measuring, writing -----------------------------------------------------

    def estimate(self) -> Prediction:
        """Predicted area and timing (the delay model is stated in the device's fabric)."""
        return predict(self.netlist, self.device)

    def emit(self, *, axis: bool = False, vectors: int = 0) -> Emitted:
        """The Verilog files as text, with a self-checking bench when `vectors` > 0."""
        from bitwright.flow.writing import emit

        return emit(self, axis=axis, vectors=vectors)

    def verify(
        self, x: Batch | None = None, *, rtl: bool = True, workdir: str | Path | None = None,
        progress: Progress | None = None,
    ) -> Certificate:  # fmt: skip
        """Keras = graph = netlist = simulated RTL on `x`, random codes and corner vectors.

        Raises `Mismatch` naming the first difference; returns the certificate otherwise.
        """
        from bitwright.flow.verification import verify

        self.certificate = verify(self, x, rtl=rtl, workdir=workdir, progress=progress or Silent())
        return self.certificate

    def synthesize(
        self, *, workdir: str | Path | None = None, timeout_s: float = 1800.0, progress: Progress | None = None
    ) -> Synthesis:
        """Area measured by yosys for the device's family."""
        from bitwright.flow.measuring import synthesize

        self.measured = synthesize(self, workdir=workdir, timeout_s=timeout_s, progress=progress or Silent())
        return self.measured

    def integers(self) -> Mapping[str, NDArray[Any]]:
        """Weights, biases, map parameters and accumulator ranges as integer arrays, by layer."""
        from bitwright.flow.integers import integers

        return integers(self.graph)

    def report(self, **facts: Any) -> Report:
        """One record of all that is known, for HTML, JSON or the terminal."""
        from bitwright.flow.reporting import report

        return report(self, **facts)

    def write(self, folder: str | Path, *, axis: bool = True, vectors: int = 64) -> Path:
        """Write rtl/, tb/, reports/ and manifest.json into `folder`; returns it."""
        from bitwright.flow.writing import write

        return write(self, Path(folder), axis=axis, vectors=vectors)

    def diff(self, other: Design | None = None, x: Batch | None = None) -> str | None:
        """The first diverging tensor between this design's levels (or with `other`), in words; None if none."""
        from bitwright.flow.difference import diff

        return diff(self, other, x)
