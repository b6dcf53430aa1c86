"""The support table: printed from the rule tables, so it cannot say what the code does not do.

`python -m bitwright.flow.support README.md` writes it between the markers of a file.
"""

from __future__ import annotations

import sys
from pathlib import Path

from bitwright.core.errors import InvalidValue
from bitwright.core.files import write_atomic

__all__ = ["fill", "table"]

BEGIN, END = "<!-- support:begin -->", "<!-- support:end -->"
_REFUSED = (
    "Lambda and subclasses of layers", "Keras operators written as `a + b`", "channels_first", "mixed precision",
    "a float softmax inside the network (QSoftmax is exact)", "activation quantizers whose scale depends on the batch",
    "quantizers that draw at inference (bernoulli)", "recurrent cells whose state lies on no grid",
)  # fmt: skip


def table() -> str:
    """Markdown: the layers that lower exactly, the graph's operators with their rules, what is refused."""
    from bitwright.backends.verilog import verilog
    from bitwright.frontends.keras.rules import lower
    from bitwright.ir import netlist
    from bitwright.ir.graph import bounds, evaluate, ops
    from bitwright.ir.netlist import ops as words
    from bitwright.passes.streaming.placer import place
    from bitwright.passes.synthesize import unroll
    from bitwright.train import quantizers
    from bitwright.train.quantizers.base import BaseQuantizer

    layers = sorted(kind.__name__ for kind in lower.kinds)
    kinds = {name: getattr(quantizers, name) for name in quantizers.__all__ if name[0].islower()}
    ours = sorted(n for n, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, BaseQuantizer))
    lines = [
        f"**Layers**, each exact or refused by name ({len(layers)}): {', '.join(layers)} and their quantized twins.",
        "",
        f"**Quantizers**: {', '.join(ours)}.",
        "",
        "**Refused with the way out**: " + "; ".join(_REFUSED) + ".",
        "",
        "| graph operator | evaluated | exact range | parallel hardware | streaming hardware |",
        "|---|---|---|---|---|",
    ]
    for name in ops.__all__:
        kind = getattr(ops, name)
        if isinstance(kind, type) and issubclass(kind, ops.GraphOp) and name not in ("GraphOp", "Input"):
            marks = [_mark(kind in rules) for rules in (evaluate, bounds, unroll, place)]
            lines.append(f"| {name} | {' | '.join(marks)} |")
    lines += ["", "| word operator | evaluated | exact range | Verilog |", "|---|---|---|---|"]
    for name in words.__all__:
        kind = getattr(words, name)
        if isinstance(kind, type) and issubclass(kind, words.WordOp) and name not in ("WordOp", "Input"):
            marks = [_mark(kind in rules) for rules in (netlist.evaluate, netlist.infer, verilog)]
            lines.append(f"| {name} | {' | '.join(marks)} |")
    return "\n".join(lines)


def _mark(there: bool) -> str:
    return "yes" if there else "no"


def fill(text: str) -> str:
    """`text` with the table between its markers."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise InvalidValue(f"no {BEGIN} ... {END}", where="support table", remedy="put both markers into the file")
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write_atomic(Path(name), fill(Path(name).read_text()))
