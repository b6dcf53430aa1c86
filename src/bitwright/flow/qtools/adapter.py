"""`QTools(model, process, ...)`: data types, energies and roofline numbers, under QKeras's names."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bitwright.core.files import write_atomic
from bitwright.cost import qtools as cost
from bitwright.cost.qtools.rulesets import CoverageWord, RuleWord
from bitwright.frontends.keras.facts import network_of
from bitwright.frontends.keras.sources import fused_layers, operand, sources

__all__ = ["QTools"]


class QTools:
    """The data types and the energy of a quantized Keras model.

    process: "horowitz", a `Process`, or QKeras's polynomials by name. source_quantizers: types of the
    inputs (None: quantized_bits(8,0,1)). is_inference: the weights are trained, so their values count.
    weights_path: weights to load first. keras_quantizer, keras_accumulator: "int8", "int16", "int32",
    "fp16" or "fp32" for the weights and results of plain Keras layers; with for_reference, of all layers.
    model_weights_already_quantized: whether the kernels hold quantized values already. hw_weight_dict:
    what model_save_quantized_weights returned; names the batch normalizations that hardware fuses.

    rules: "latest", or "2021" for the figures of Nature Machine Intelligence 3, 675. coverage: "compatible"
    costs what google/qkeras costs; "complete" also what it leaves at zero or fails on, counting
    operations as they are. `types` and `network` are the results as records.

    Raises WrongInputs, UnknownQuantizer, UnacceptedDivisor or Unsupported, naming the layer.
    Source: google/qkeras, qtools/run_qtools.py.
    """

    def __init__(
        self,
        model: Any,
        process: Any,
        source_quantizers: Any = None,
        is_inference: bool = False,
        weights_path: str | Path | None = None,
        keras_quantizer: Any = None,
        keras_accumulator: Any = None,
        for_reference: bool = False,
        model_weights_already_quantized: bool = True,
        hw_weight_dict: Mapping[str, Any] | None = None,
        *,
        rules: RuleWord = "latest",
        coverage: CoverageWord = "compatible",
    ) -> None:
        if weights_path is not None:
            model.load_weights(weights_path)
        settings = cost.Settings(
            sources=sources(source_quantizers),
            keras_quantizer=None if keras_quantizer is None else operand(keras_quantizer),
            keras_accumulator=None if keras_accumulator is None else operand(keras_accumulator),
            for_reference=for_reference,
            inference=is_inference,
            rules=cost.rules_of(rules),
            coverage=cost.coverage_of(coverage),
            fused=fused_layers(hw_weight_dict) if is_inference and not for_reference else {},
        )
        self.process = cost.process_of(process)
        self.network = network_of(model, quantize=not model_weights_already_quantized)
        self.types = cost.type_map(self.network, settings)

    def qtools_stats(self) -> dict[str, Any]:
        """The data-type map as QKeras's dictionary."""
        return cost.type_table(self.types)

    def qtools_stats_to_json(self, json_name: str | Path) -> None:
        """Write the data-type map to a file."""
        write_atomic(Path(json_name), json.dumps(self.qtools_stats(), indent=4))

    def qtools_stats_print(self) -> None:
        """Print the data-type map as JSON."""
        sys.stdout.write(json.dumps(self.qtools_stats(), indent=4) + "\n")

    def energy(
        self,
        weights_on_memory: str = "dram",
        activations_on_memory: str = "dram",
        min_sram_size: int = 0,
        rd_wr_on_io: bool = True,
    ) -> cost.Energy:
        """The energy of one inference, as a record; see `pe` for the arguments."""
        settings = cost.MemorySettings(
            cost.Memory.of(weights_on_memory), cost.Memory.of(activations_on_memory), min_sram_size, rd_wr_on_io
        )
        return cost.energy(self.types, settings, self.process)

    def pe(
        self,
        weights_on_memory: str = "dram",
        activations_on_memory: str = "dram",
        min_sram_size: int = 0,
        rd_wr_on_io: bool = True,
        verbose: bool = False,
    ) -> dict[str, Any]:
        """Energies in pJ by layer: inputs, outputs, parameters, op_cost; and "total_cost".

        The memories are "fixed" (free), "sram" or "dram"; min_sram_size in bits; rd_wr_on_io: inputs and
        outputs come from and go to DRAM. `verbose` is taken for compatibility; nothing is printed.
        """
        return cost.energy_table(self.energy(weights_on_memory, activations_on_memory, min_sram_size, rd_wr_on_io))

    def extract_energy_sum(self, cfg_setting: Mapping[str, Sequence[str]], energy_dict: Mapping[str, Any]) -> int:
        """The model's energy in whole pJ: for every layer what `cfg_setting` names for its class."""
        profile = self.extract_energy_profile(cfg_setting, energy_dict)
        return int(sum(layer["total"] for layer in profile.values()))

    def extract_energy_profile(
        self, cfg_setting: Mapping[str, Sequence[str]], energy_dict: Mapping[str, Any]
    ) -> dict[str, dict[str, Any]]:
        """Every layer's energies, and the "total" of those that `cfg_setting` names for its class."""
        told = {name: entry for name, entry in energy_dict.items() if name != "total_cost"}
        return {
            name: {
                "energy": entry["energy"],
                "total": sum(entry["energy"][k] for k in cfg_setting.get(entry["class_name"], cfg_setting["default"])),
            }
            for name, entry in told.items()
        }

    def calculate_ace(self, default_float_bits: int = 32) -> tuple[int, int]:
        """Arithmetic effort: multiplications times the bits of both operands; the same with floats."""
        return cost.ace(self.types, default_float_bits)

    def calculate_output_bytes(
        self, include_model_input_size: bool = True, default_float_bits: int = 32
    ) -> tuple[int, int]:
        """Bytes of the outputs of activation layers (and of the inputs); the same with floats."""
        return cost.output_bytes(self.types, self.network, include_model_input_size, default_float_bits)

    def calculate_weight_bytes(self, default_float_bits: int = 32) -> tuple[int, int]:
        """Bytes of kernels and biases; the same with floats."""
        return cost.weight_bytes(self.types, default_float_bits)

    def get_roofline_numbers(
        self, include_model_input_size: bool = True, default_float_bits: int = 32
    ) -> dict[str, int]:
        """All of these by QKeras's names."""
        found = cost.roofline(self.types, self.network, include_model_input_size, default_float_bits)
        return {
            "ACE": found.ace,
            "weight_in_bytes": found.weight_bytes,
            "activation_in_bytes": found.activation_bytes,
            "ACE_float": found.ace_float,
            "weight_in_bytes_float": found.weight_bytes_float,
            "activation_in_bytes_float": found.activation_bytes_float,
        }
