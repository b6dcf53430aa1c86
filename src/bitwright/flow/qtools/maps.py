"""The data-type map as QKeras's functions make and read it.

Source: google/qkeras, qtools/generate_layer_data_type_map.py, interface.py, qenergy and settings.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bitwright.cost import qtools as cost
from bitwright.cost.qtools.typed import LayerTypes
from bitwright.flow.qtools.graph import LayerGraph
from bitwright.flow.qtools.operators import Operator
from bitwright.flow.qtools.quantizers import IQuantizer, from_operand
from bitwright.frontends.keras.facts import network_of
from bitwright.frontends.keras.sources import fused_layers, operand, sources

__all__ = ["Config", "cfg", "config_settings", "energy_estimate", "generate_layer_data_type_map", "map_to_json"]


def generate_layer_data_type_map(
    graph: LayerGraph,
    source_quantizer_list: Sequence[Any],
    is_inference: bool,
    keras_quantizer: Any = None,
    keras_accumulator: Any = None,
    for_reference: bool = False,
    debug: bool = False,
    model_weights_already_quantized: bool = True,
    hw_weight_dict: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The map of a graph: "layer_data_type_map" by layer, its inputs and outputs, and "types", the record."""
    settings = cost.Settings(
        sources=sources(list(source_quantizer_list)),
        keras_quantizer=None if keras_quantizer is None else operand(keras_quantizer),
        keras_accumulator=None if keras_accumulator is None else operand(keras_accumulator),
        for_reference=for_reference,
        inference=is_inference,
        fused=fused_layers(hw_weight_dict) if is_inference and not for_reference else {},
    )
    network = graph.network if model_weights_already_quantized else network_of(graph.model, quantize=True)
    types = cost.type_map(network, settings)
    held = {layer.name: layer for layer in graph.model.layers}
    entries = {source.name for source in network.sources}
    return {
        "source_quantizer_list": list(source_quantizer_list),
        "output_layers": [held[name] for name in network.outputs if name in held],
        "input_layers": [
            held[t.layer.name] for t in types.layers if t.layer.name in held and entries & set(t.layer.inputs)
        ],
        "layer_data_type_map": {held[t.layer.name]: _entry(t) for t in types.layers if t.layer.name in held},
        "types": types,
    }


def _entry(typed: LayerTypes) -> dict[str, Any]:
    kernel, bias = typed.weight, typed.part("bias_quantizer")
    entry: dict[str, Any] = {
        "input_quantizer_list": [from_operand(o) for o in typed.inputs],
        "output_quantizer": from_operand(typed.output),
        "output_shapes": (-1, *typed.layer.output_shape),
        "operation_count": typed.operation_count,
        "multiplier": None if typed.multiplier is None else Operator(typed.multiplier),
        "accumulator": None if typed.accumulator is None else Operator(typed.accumulator),
        "weight_quantizer": None if kernel is None else from_operand(kernel),
        "bias_quantizer": None if bias is None else from_operand(bias),
        "w_shapes": None if kernel is None else _shape(typed, "weight_quantizer"),
        "b_shapes": None if bias is None else _shape(typed, "bias_quantizer"),
    }
    extra: dict[str, IQuantizer] = {
        part.label: from_operand(part.operand) for part in typed.parts if part.label not in entry
    }
    return {**entry, **extra}


def _shape(typed: LayerTypes, label: str) -> Any:
    return next(part.shape for part in typed.parts if part.label == label)


def map_to_json(mydict: Mapping[str, Any]) -> dict[str, Any]:
    """The map as plain dictionaries; see `bitwright.cost.qtools.type_table`."""
    return cost.type_table(mydict["types"])


def energy_estimate(
    model: Any,
    layer_map: Mapping[str, Any],
    weights_on_memory: str,
    activations_on_memory: str,
    min_sram_size: int,
    rd_wr_on_io: bool,
) -> dict[str, Any]:
    """Energies by layer of a map that `generate_layer_data_type_map` made."""
    memories = cost.Memory.of(weights_on_memory), cost.Memory.of(activations_on_memory)
    settings = cost.MemorySettings(*memories, min_sram_size, rd_wr_on_io)
    return cost.energy_table(cost.energy(layer_map["types"], settings, cfg.process))


class Config:
    """The settings that QKeras programs read from `qtools.settings.cfg`."""

    def __init__(self) -> None:
        self.default_source_quantizer = "quantized_bits(8,0,1)"
        self.default_interm_quantizer = "fp32"
        self.include_energy: dict[str, Sequence[str]] = dict(cost.INCLUDE)
        self.process = cost.HOROWITZ

    def update(self, process: Any, cfg_setting: Mapping[str, Any]) -> None:
        """Take over a process (by its name in `cfg_setting`, or as it is), and what else that names."""
        self.process = cost.process_of(cfg_setting.get(process, process))
        for name in ("default_source_quantizer", "default_interm_quantizer", "include_energy"):
            setattr(self, name, cfg_setting.get(name, getattr(self, name)))


cfg = Config()

_POLYNOMIALS = {
    "fpm_add": cost.HOROWITZ.fixed_add,
    "fpm_mul": cost.HOROWITZ.fixed_multiply,
    "fp16_add": cost.HOROWITZ.fp16_add,
    "fp16_mul": cost.HOROWITZ.fp16_multiply,
    "fp32_add": cost.HOROWITZ.fp32_add,
    "fp32_mul": cost.HOROWITZ.fp32_multiply,
    "sram_rd": cost.HOROWITZ.sram_read,
    "dram_rd": cost.HOROWITZ.dram_read,
}
config_settings: dict[str, Any] = {
    "default_source_quantizer": cfg.default_source_quantizer,
    "default_interm_quantizer": cfg.default_source_quantizer,
    "horowitz": {name: list(polynomial.coefficients) for name, polynomial in _POLYNOMIALS.items()},
    "include_energy": {name: list(parts) for name, parts in cost.INCLUDE.items()},
}
"""QKeras's `config_public.config_settings`."""
