"""The data-type map and the energies as QKeras's dictionaries, ready for JSON."""

from __future__ import annotations

from typing import Any

from bitwright.cost.qtools.energy import Energy
from bitwright.cost.qtools.typed import LayerTypes, Part, TypeMap
from bitwright.ir.layers import Mode, Operand, Shape

__all__ = ["energy_table", "operand_table", "type_table"]

_VALUES = {Mode.SIGN: [-1, 1], Mode.BIT: [0, 1], Mode.TERNARY: [0, -1, 1]}


def operand_table(operand: Operand, shape: Shape | int | None = None, op: str | None = None) -> dict[str, Any]:
    """One operand. As in QKeras, `int_bits` includes the sign here, but not in binary and ternary."""
    told: dict[str, Any] = {"quantizer_type": operand.kind, "bits": operand.bits}
    if operand.mode is Mode.FIXED:
        told |= {"int_bits": operand.int_bits + operand.signed, "is_signed": int(operand.signed)}
    elif operand.mode is Mode.POWER:
        told |= {"is_signed": int(operand.signed), "max_value": -1 if operand.max_value is None else operand.max_value}
    elif operand.mode is not Mode.FLOAT:
        told |= {
            "int_bits": operand.int_bits,
            "is_signed": int(operand.signed),
            "values": _VALUES[operand.mode],
        }
    if shape is not None:
        told["shape"] = list(shape) if isinstance(shape, tuple) else shape
    return told if op is None else {**told, "op_type": op}


def type_table(types: TypeMap) -> dict[str, Any]:
    """The whole map: "source_quantizers" and every layer by its name."""
    told: dict[str, Any] = {"source_quantizers": [operand_table(source) for source in types.sources]}
    return told | {typed.layer.name: _layer(typed) for typed in types.layers}


def _layer(typed: LayerTypes) -> dict[str, Any]:
    return {
        "layer_type": typed.layer.class_name,
        "input_quantizer_list": [operand_table(operand) for operand in typed.inputs],
        "output_quantizer": operand_table(typed.output, (-1, *typed.layer.output_shape)),
        **{part.label: _part(part) for part in typed.parts},
        "operation_count": typed.operation_count,
    }


def _part(part: Part) -> dict[str, Any]:
    return operand_table(part.operand, part.shape, part.op)


def energy_table(found: Energy) -> dict[str, Any]:
    """Energies by layer, and "total_cost"."""
    layers = {e.name: {"class_name": e.class_name, "energy": e.parts()} for e in found.layers}
    return {**layers, "total_cost": found.total_pj}
