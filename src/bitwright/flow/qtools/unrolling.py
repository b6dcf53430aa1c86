"""QKeras's divide-and-conquer cost of a model: `estimate_model_cost`."""

from __future__ import annotations

from typing import Any

from bitwright.cost.qtools import Settings, type_map
from bitwright.cost.qtools.rulesets import fixed
from bitwright.cost.qtools.unroll import CostMode, ModelPlan, Targets, unroll
from bitwright.frontends.keras.facts import network_of

__all__ = ["CostMode", "estimate_model_cost"]


def estimate_model_cost(
    model: Any,
    input_quantizer_bits: int = 8,
    target_OutElementPerClk: float = 10,
    target_out_throughput: float = 1.0,
    compute_to_memory_max_ratio: float = 4,
    memory_to_unroll_max_ratio: float = 4,
    mode: CostMode = CostMode.ACE,
) -> ModelPlan:
    """The unrolling of every layer that reaches a throughput at the least area.

    input_quantizer_bits: width of the inputs. target_OutElementPerClk, target_out_throughput: elements per
    clock of the last layer, and the share of them that is enough. A layer reads per clock at most the
    product of both ratios times what the layer before it gives.
    """
    types = type_map(network_of(model), Settings(sources=(fixed(input_quantizer_bits, 0, True),)))
    ratio = compute_to_memory_max_ratio * memory_to_unroll_max_ratio
    return unroll(types, Targets(target_OutElementPerClk, target_out_throughput, ratio), mode)
