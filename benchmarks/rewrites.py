"""Whole-network rewrites: lookup tables with and without each of them, and what constants cost.

The digits demo (trained here) and, where the shared data are, trained networks of others: the QKeras jet tagger, and
the jet classifier of HGQ with its own width per neuron, read from its file (saturating where that wraps).
"separate" has every bias and every rounding as adders of their own behind the sums; "zeroed" has none of them
and is no longer the same network: the difference is the most that absorbing constants could save. "separate, plain" and
"zeroed, plain" are the same before any pass on words, which would put a constant into the chain before it: what
constants cost there is held against what they cost in the end ("compiled" over "zeroed"). A column of a
carry chain through which a constant passes has no LUT cell, yet takes the LUT's place: "places" counts both.
BENCH_PARTS (a folder) keeps every row (`_parts`): yosys takes minutes for one of the large network.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import numpy as np

from benchmarks import _hgq_tagger
from benchmarks._mapped import mapped
from benchmarks._parts import part
from benchmarks._table import Claim, Outcome, at_least, at_most, equal, main
from bitwright.backends.verilog import emit
from bitwright.core.origin import Origin
from bitwright.cost import predict
from bitwright.flow.difference import in_common
from bitwright.flow.vectors import corner_codes, random_codes
from bitwright.ir.graph import Graph, GraphBuilder, TensorType, run
from bitwright.ir.graph.ops import Dense, Map
from bitwright.ir.netlist import Netlist
from bitwright.ir.netlist import run as run_words
from bitwright.numeric import Ints, Rounding, ShiftRoundSaturate, Steps
from bitwright.passes import (
    ARGMAX,
    STANDARD,
    Absorb,
    Canonical,
    Prune,
    Retime,
    Share,
    Synthesize,
    Tabulate,
    apply,
    unrolled,
)
from bitwright.passes.rewrite import GraphNode, keep, rebuild
from bitwright.platforms import device

REFERENCE = Path(__file__).parents[2] / "shared/data/reference_models/hls4ml_example_models"
DEVICE = "xcvu9p"
PLAIN = (Canonical(), Tabulate())
PEERS_CONSTANTS = 0.187
"""The share of LUTs that zeroing all constants saves in the peers' circuits of sparse jet taggers."""
SEARCH_NOISE = 1.02
"""The matrix optimizer searches: another constant leads it elsewhere."""


def digits() -> Graph:
    """The demo's network, trained."""
    import bitwright as bw
    from bitwright.train import zoo
    from bitwright.train.data import digits as load
    from bitwright.train.fit import fit, set_seed

    recipe = zoo.recipe("digits")
    set_seed(0)
    model = recipe.quantized_model()
    fit(model, load(), epochs=recipe.epochs, batch_size=recipe.batch_size, seed=0)
    return bw.compile(model).source


def qkeras_tagger() -> Graph:
    """The jet tagger of the QKeras example, with inputs of 8 bits."""
    import bitwright as bw
    from bitwright.flow import load_model

    return bw.compile(load_model(REFERENCE / "qkeras_3layer.json"), input_format="s8.4").source


def hgq_tagger() -> Graph:
    """The jet classifier that HGQ trained, saturating where that wraps."""
    tagger = _hgq_tagger.hgq_tagger()
    builder, bits = GraphBuilder(), tagger.input_bits
    half = np.where(bits > 0, 1 << np.maximum(bits - 1, 0), 0)
    given = TensorType(half.shape, Ints(-half), Ints(np.maximum(half - 1, -half)), Steps.of(tagger.input_step))
    x = builder.input(given, "x")
    for layer in tagger.layers:
        dense = Dense(Ints(layer.weights), Ints(layer.bias))
        y = builder.apply(dense, [x], step=Steps.of(layer.sum_step), name=layer.name, origin=Origin(layer.name))
        ones = np.where(layer.alive, 1, 0) << np.maximum(-layer.shift, 0)
        parts = (Ints(ones), Ints(ones * 0), Ints(np.maximum(layer.shift, 0)))
        form = ShiftRoundSaturate(*parts, Rounding.FLOOR, Ints(layer.low), Ints(layer.top))
        kept = Map(form, Ints(np.arange(form.count)))
        x = builder.apply(kept, [y], step=Steps.of(layer.step), name=f"{layer.name}_q")
    return builder.graph("hgq_tagger", [x])


def separate(graph: Graph) -> Graph:
    """Every bias as a map of its own behind the sum."""

    def rewrite(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
        op = node.op
        if not isinstance(op, Dense):
            return keep(builder, node, args)
        position = keep(builder, node, args, replace(op, bias=Ints(op.bias.array * 0)))
        ones, far = Ints(op.bias.array * 0 + 1), Ints(op.bias.array * 0 + (1 << 40))
        form = ShiftRoundSaturate(ones, op.bias, Ints(ones.array - 1), Rounding.FLOOR, Ints(-far.array), far)
        rows = Ints(np.arange(form.count))
        return builder.apply(Map(form, rows), [position], step=node.type.step, name="bias", origin=node.origin)

    return rebuild(graph, rewrite)


def zeroed(graph: Graph) -> Graph:
    """No bias, and bits dropped without rounding: another network, of the same size."""

    def rewrite(builder: GraphBuilder, node: GraphNode, args: list[int]) -> int:
        op = node.op
        if isinstance(op, Dense):
            op = replace(op, bias=Ints(op.bias.array * 0))
        elif isinstance(op, Map) and isinstance(op.form, ShiftRoundSaturate):
            op = Map(replace(op.form, rounding=Rounding.FLOOR, add=Ints(op.form.add.array * 0)), op.rows)
        return keep(builder, node, args, op)

    return rebuild(graph, rewrite)


VARIANTS: dict[str, Callable[[Graph], Graph]] = {
    "separate": lambda graph: separate(apply(graph, PLAIN)),
    "as read": lambda graph: apply(graph, PLAIN),
    "pruned": lambda graph: apply(graph, (*PLAIN, Prune())),
    "absorbed": lambda graph: apply(graph, (*PLAIN, Absorb())),
    "compiled": lambda graph: apply(graph, STANDARD),
    "argmax_only": lambda graph: apply(graph, ARGMAX),
    "zeroed": lambda graph: zeroed(apply(graph, PLAIN)),
}
"""The graph of each variant."""
CODE = ("src", "benchmarks/rewrites.py", "benchmarks/_mapped.py", "benchmarks/_hgq_tagger.py")
"""What a row depends on."""
PLAIN_WORDS = ("separate", "zeroed")
"""Variants that are shown without passes on words as well."""


def measured(
    network: str, source: Graph, variant: str, count: bool = True, *, words_passes: bool = True
) -> list[dict[str, Any]]:
    """One row: resources, predicted and (with `count`) as yosys counts them, and codes that differ from the source."""
    target = device(DEVICE)
    graph = VARIANTS[variant](source)
    synthesis = Synthesize(Share(operands=target.fabric.adder_operands), fabric=target.fabric)
    words = unrolled(graph, synthesis) if words_passes else synthesis(graph)
    plain = Retime(target, None)(words)
    predicted = predict(plain, target)
    codes = [np.concatenate(p) for p in zip(random_codes(source, 2000, 0), corner_codes(source, 0), strict=True)]
    pair = in_common(graph, run(source, codes), run_words(words, codes))
    differing = sum(int((a != b).sum()) for a, b in zip(*pair, strict=True))
    told = {
        "network": network,
        "variant": variant if words_passes else f"{variant}, plain",
        "LUT predicted": predicted.luts,
        "CARRY predicted": predicted.carries,
        **(counted(plain) if count else {}),
        "levels_ns": 1000.0 / predicted.fmax_mhz,
        "differing": None if variant == "zeroed" else differing,
    }
    return [told]


def counted(words: Netlist) -> dict[str, int]:
    """What yosys makes of it: LUT cells, carry cells, and places of LUTs that either takes."""
    emitted = emit(words, name="net", primitives=True)
    with TemporaryDirectory() as scratch:
        text = "\n".join(emitted.files[source] for source in emitted.sources)
        found = mapped(text, emitted.top, Path(scratch), keep_sums=True)
    return {"LUT": found.luts, "CARRY": found.carries, "places": found.luts + found.columns[1]}


def claims(rows: list[dict[str, Any]]) -> Iterator[Claim]:
    """Exact everywhere, hardly ever larger, and what constants still cost against what they cost the peers."""
    yield equal("codes that differ from the graph as read", sum(row["differing"] or 0 for row in rows), 0)
    networks = {row["network"]: {r["variant"]: r for r in rows if r["network"] == row["network"]} for row in rows}
    for name, by in networks.items():
        lut = {variant: row.get("LUT", row["LUT predicted"]) for variant, row in by.items()}
        yield at_most(f"{name}: LUTs compiled over as read", lut["compiled"] / lut["as read"], SEARCH_NOISE)
        argmax = lut["argmax_only"] / lut["compiled"]
        yield at_most(f"{name}: LUTs with argmax_only over compiled", argmax, SEARCH_NOISE)
        left = (lut["compiled"] - lut["zeroed"]) / lut["compiled"]
        yield at_most(f"{name}: LUTs that zeroing every constant would still save", left, PEERS_CONSTANTS / 2)
        carry = {variant: row.get("CARRY", row["CARRY predicted"]) for variant, row in by.items()}
        recovered = (carry["separate"] - carry["compiled"]) / (carry["separate"] - carry["zeroed"])
        yield at_least(f"{name}: carry cells of constants recovered", recovered, 0.5)
        if "places" in by["compiled"]:
            place = {variant: row["places"] for variant, row in by.items()}
            before, after = place["separate, plain"] - place["zeroed, plain"], place["compiled"] - place["zeroed"]
            yield at_least(f"{name}: places of LUTs that constants take, recovered", 1 - after / before, 0.5)


def notes(rows: list[dict[str, Any]]) -> Iterator[str]:
    """What constants cost in LUT cells alone, before and after: chains that add them have few."""
    networks = {row["network"]: {r["variant"]: r for r in rows if r["network"] == row["network"]} for row in rows}
    for name, by in networks.items():
        for what in ("LUT", "places"):
            if what not in by["compiled"]:
                continue
            count = {variant: row[what] for variant, row in by.items()}
            plain = (count["separate, plain"] - count["zeroed, plain"]) / count["separate, plain"]
            left = (count["compiled"] - count["zeroed"]) / count["compiled"]
            yield f"{name}: constants take {plain:.1%} of {what} where they are adders, {left:.1%} as compiled"


def measure(quick: bool) -> Outcome:
    """Digits, and with the shared data the networks of others; a quick run predicts and leaves the large one out."""
    made: dict[str, Callable[[], Graph]] = {"digits": digits}
    if REFERENCE.is_dir():
        made |= {"HGQ tagger": hgq_tagger} | ({} if quick else {"QKeras tagger": qkeras_tagger})
    rows: list[dict[str, Any]] = []
    for name, make in made.items():
        source = make()
        shown = [(variant, True) for variant in VARIANTS] + [(variant, False) for variant in PLAIN_WORDS]
        for variant, passes in shown:
            told = f"{name} {variant} {'' if passes else 'plain '}{'predicted' if quick else 'counted'}"
            found = part(told, partial(measured, name, source, variant, not quick, words_passes=passes), CODE)
            print(found, file=sys.stderr, flush=True)
            rows += found
    return Outcome(rows, list(claims(rows)), list(notes(rows)))


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "keras", "h5py"]))
