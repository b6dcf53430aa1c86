"""The energy of a model in a few lines of text."""

from __future__ import annotations

from typing import Any

from bitwright.flow.qtools.adapter import QTools

__all__ = ["energy_text"]


def energy_text(model: Any) -> str:
    """Energy per inference by layer, operations and activations in SRAM, weights fixed: a model at 45 nm.

    Types and energies are those of QTools (latest rules, complete coverage, process "horowitz").
    """
    tools = QTools(model, "horowitz", None, is_inference=True, coverage="complete")
    found = tools.energy("fixed", "sram", 0, False)
    rows = [(e.name, tools.types[e.name].operation_count, e.op_cost, e.inputs + e.outputs) for e in found.layers]
    width = max(len("layer"), *(len(row[0]) for row in rows))
    lines = [f"{'layer':{width}}  {'operations':>12}  {'compute pJ':>12}  {'memory pJ':>12}"]
    lines += [f"{name:{width}}  {count:>12}  {spent:>12.2f}  {moved:>12.2f}" for name, count, spent, moved in rows]
    totals = sum(row[2] for row in rows), sum(row[3] for row in rows)
    return "\n".join([*lines, f"{'total':{width}}  {'':>12}  {totals[0]:>12.2f}  {totals[1]:>12.2f}"])
