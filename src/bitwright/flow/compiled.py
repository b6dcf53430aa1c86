"""`Compiled`: a network as exact integers on every level; what the recipes of this room work on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue
from bitwright.cost import Prediction, predict
from bitwright.flow.options import Options
from bitwright.ir.graph import Graph
from bitwright.ir.graph import emulator as emulators
from bitwright.ir.interface import Decoder, Encoder, LevelEncoder, RoundEncoder
from bitwright.ir.netlist import Netlist
from bitwright.numeric import IntArray
from bitwright.passes import Retime, Share, Synthesize, unrolled
from bitwright.platforms import Device, device

if TYPE_CHECKING:
    from bitwright.frontends.grid.walk import Finding
    from bitwright.ir.certificate import Certificate
    from bitwright.toolchain import Synthesis

__all__ = ["Batch", "Compiled", "Floats"]

Floats = NDArray[np.float32]
_ANY_ROUNDS = 1 << 30
Batch = NDArray[Any] | Sequence[NDArray[Any]]


@dataclass
class Compiled:
    """A network as hardware: exact integers on every level.

    `source` is the graph as read from the model, `graph` the one that is built; `model` is the Keras model, or the
    float executor of an ONNX file (`qonnx.Truth`), None for designs without one. `search_rounds`, once there is a
    netlist: how much of the search for a smaller circuit was done for each matrix product, by layer.
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
    search_rounds: tuple[tuple[str, int], ...] = ()

    @property
    def device(self) -> Device:
        """The device that the options name."""
        return device(self.options.device)

    @property
    def clock_mhz(self) -> float:
        """The target clock."""
        return self.options.clock_mhz or self.device.clock_mhz

    @property
    def share(self) -> Share:
        """How constant matrices become shared sums on this device."""
        options = self.options
        return Share(
            options.max_depth,
            self.device.fabric.adder_operands,
            rounds=options.effort if options.budget_s is None else _ANY_ROUNDS,
            budget_s=options.budget_s,
            seed=options.seed,
        )

    @cached_property
    def combinational(self) -> Netlist:
        """The unrolled network without registers."""
        return self.unrolled()

    def unrolled(self) -> Netlist:
        """The network unrolled anew: the same netlist every time, unless `budget_s` ends the search."""
        recipe = Synthesize(self.share, fabric=self.device.fabric, dsps=self.options.dsps)
        made = unrolled(self.graph, recipe)
        self.search_rounds = tuple(recipe.rounds)
        return made

    @cached_property
    def netlist(self) -> Netlist:
        """The pipelined netlist: what the Verilog says."""
        options = self.options
        return Retime(self.device, self.clock_mhz, options.latency_cycles, options.balance)(self.combinational)

    @cached_property
    def emulator(self) -> emulators.Emulator:
        """The graph at BLAS speed."""
        return emulators.Emulator(self.graph)

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
        before = [e.floats if isinstance(e, RoundEncoder | LevelEncoder) else e for e in self.encoders]
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
        lengths = sorted({len(a) for a in arrays})
        if len(lengths) > 1:
            raise InvalidValue(
                f"samples of {lengths[-1]} and {lengths[0]}: inputs differ in length",
                where=self.name,
                remedy="give as many samples to every input",
            )
        return arrays

    def estimate(self) -> Prediction:
        """Predicted area and timing (the delay model is stated in the device's fabric)."""
        return predict(self.netlist, self.device)
