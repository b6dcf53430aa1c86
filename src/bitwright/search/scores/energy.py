"""The forgiving factor in QTools's energy.

Source: google/qkeras, autoqkeras/forgiving_metrics/forgiving_energy.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bitwright.core.errors import InvalidValue
from bitwright.cost.qtools import (
    Memory,
    MemorySettings,
    Process,
    Settings,
    coverage_of,
    energy,
    included,
    process_of,
    rules_of,
    type_map,
)
from bitwright.cost.qtools.rulesets import CoverageWord, RuleWord
from bitwright.frontends.keras.facts import network_of
from bitwright.frontends.keras.sources import operand, sources
from bitwright.search.scores.factor import ForgivingFactor, Measured

__all__ = ["ENERGY_RULES", "ForgivingFactorPower", "inference_pj"]

ENERGY_RULES = "QTools: process 'horowitz', rules 'latest', coverage 'complete', tensors in registers (memory 'fixed')"
"""How `inference_pj` counts."""

_INTERNAL = ("fp16", "fp32", "int8")
_ACCUMULATORS = ("int16", "int32", "fp16", "fp32")


class ForgivingFactorPower(ForgivingFactor):
    """Size is the energy of one inference in whole pJ, as `bw.QTools` counts it.

    Of every pair the first is for the reference, the second for trials. parameters_on_memory, activations_on_memory:
    "fixed", "sram" or "dram"; min_sram_size in bits; rd_wr_on_io: inputs and outputs pass through DRAM.
    source_quantizers: types of the trials' inputs (None: quantized_bits(8,0,1)). trained_model: the values of trained
    weights count. reference_internal, reference_accumulator: types of the reference, which plain layers of trials
    have as well. rules, coverage: as in `bw.QTools`.
    """

    def __init__(
        self,
        delta_p: float = 8.0,
        delta_n: float = 8.0,
        rate: float = 2.0,
        stress: float = 1.0,
        process: str | Process | Mapping[str, Sequence[float]] = "horowitz",
        parameters_on_memory: Sequence[str] = ("fixed", "fixed"),
        activations_on_memory: Sequence[str] = ("dram", "dram"),
        min_sram_size: Sequence[int] = (0, 0),
        rd_wr_on_io: Sequence[bool] = (True, True),
        source_quantizers: Any = None,
        trained_model: bool = False,
        reference_internal: str = "fp32",
        reference_accumulator: str = "fp32",
        *,
        rules: RuleWord = "latest",
        coverage: CoverageWord = "compatible",
    ) -> None:
        super().__init__(delta_p, delta_n, rate, stress)
        _one_of("reference_internal", reference_internal, _INTERNAL)
        _one_of("reference_accumulator", reference_accumulator, _ACCUMULATORS)
        self.process = process_of(process)
        pairs = {
            "parameters_on_memory": parameters_on_memory, "activations_on_memory": activations_on_memory,
            "min_sram_size": min_sram_size, "rd_wr_on_io": rd_wr_on_io,
        }  # fmt: skip
        for name, pair in pairs.items():
            _two(name, pair)
        self.memory = tuple(
            MemorySettings(Memory.of(weights), Memory.of(activations), int(least), bool(doors))
            for weights, activations, least, doors in zip(*pairs.values(), strict=True)
        )
        told: dict[str, Any] = {
            "keras_quantizer": operand(reference_internal), "keras_accumulator": operand(reference_accumulator),
            "inference": bool(trained_model), "rules": rules_of(rules), "coverage": coverage_of(coverage),
        }  # fmt: skip
        self.settings = (
            Settings(sources=sources(reference_internal), for_reference=True, **told),
            Settings(sources=sources(source_quantizers), **told),
        )

    def measure(self, model: Any, *, reference: bool = False) -> Measured:
        """Energy by layer in pJ: inputs, outputs, parameters, op_cost, and the "total" of what counts."""
        place = 0 if reference else 1
        found = energy(type_map(network_of(model), self.settings[place]), self.memory[place], self.process)
        layers = {
            layer.name: {"class_name": layer.class_name, "energy": layer.parts(), "total": sum(included(layer))}
            for layer in found.layers
        }
        return Measured(float(found.sum_pj()), layers)


def inference_pj(model: Any) -> float:
    """The energy of one inference of an unrolled network in pJ, by `ENERGY_RULES`: operations, no memory traffic.

    Each tensor counts with its widest element, as QTools knows one type for a tensor. Raises what `bw.QTools` raises.
    """
    settings = Settings(
        sources=sources(None), inference=True, rules=rules_of("latest"), coverage=coverage_of("complete")
    )
    memory = MemorySettings(Memory.FIXED, Memory.FIXED, 0, False)
    found = energy(type_map(network_of(model), settings), memory, process_of("horowitz"))
    return float(sum(sum(included(layer)) for layer in found.layers))


def _one_of(name: str, word: str, words: tuple[str, ...]) -> None:
    if word not in words:
        raise InvalidValue(f"{name}={word!r}", where="ForgivingFactorPower", remedy=f"use one of {', '.join(words)}")


def _two(name: str, pair: Any) -> None:
    if isinstance(pair, str) or not hasattr(pair, "__len__") or len(pair) != 2:
        remedy = "give a pair: for the reference, for trials"
        raise InvalidValue(f"{name}={pair!r}", where="ForgivingFactorPower", remedy=remedy)
