"""Adder graphs of constant matrices: adders, depth, adder bits and time, beside da4ml where it is installed.

Random 6-bit matrices with 8-bit signed inputs, sparse ones as training leaves them, ternary and 2-bit ones.
An adder's bits are its full adders: the width of its exact result less what the lower operand passes through.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks._table import Claim, Outcome, at_most, equal, main, peak_memory_mib, timed
from bitwright.core.native import adder_graph, implementation
from bitwright.core.twin import csd

Matrix = np.ndarray[Any, Any]
INPUT_LOW, INPUT_HIGH = -128, 127


@dataclass(frozen=True)
class Case:
    """One matrix, the adders recorded for da4ml 0.6 on its kind (0: none) and the seconds allowed."""

    name: str
    make: Callable[[np.random.Generator], Matrix]
    recorded_adders: int = 0
    seconds_allowed: float = 1.0
    quick: bool = True


def dense(inputs: int, outputs: int, bits: int = 6) -> Callable[[np.random.Generator], Matrix]:
    """Uniform over the whole signed range of `bits`."""
    return lambda random: random.integers(-(1 << bits - 1), 1 << bits - 1, (inputs, outputs))


def sparse(inputs: int, outputs: int, bits: int, density: float) -> Callable[[np.random.Generator], Matrix]:
    """Bell-shaped weights of which only `density` are not zero."""

    def make(random: np.random.Generator) -> Matrix:
        largest = (1 << bits - 1) - 1
        weights = np.rint(random.normal(0, largest / 2.5, (inputs, outputs))).clip(-largest, largest)
        return weights.astype(np.int64) * (random.random((inputs, outputs)) < density)

    return make


CASES = [
    Case("16x64 6-bit", dense(16, 64), 976),
    Case("32x32 6-bit", dense(32, 32), 1042),
    Case("64x32 6-bit", dense(64, 32), 2035),
    Case("64x64 6-bit", dense(64, 64), 3833),
    Case("128x128 6-bit", dense(128, 128), 0, 20.0),
    Case("784x64 6-bit", dense(784, 64), 0, 30.0, quick=False),
    Case("784x64 6-bit, 20 %", sparse(784, 64, 6, 0.2), 0, 30.0, quick=False),
    Case("64x64 4-bit, 20 %", sparse(64, 64, 4, 0.2)),
    Case("32x32 8-bit, 10 %", sparse(32, 32, 8, 0.1)),
    Case("64x64 ternary", lambda random: random.integers(-1, 2, (64, 64))),
    Case("64x32 2-bit", dense(64, 32, 2)),
    Case("1x64 12-bit", dense(1, 64, 12)),
]


def shape_of(matrix: Matrix, nodes: Matrix) -> tuple[int, int]:
    """(depth, adder bits) of a graph, from the exact interval of every node."""
    inputs = len(matrix)
    factors = [np.eye(1, inputs, i, dtype=np.int64)[0] for i in range(inputs)]
    ranges, depth, bits = [(INPUT_LOW, INPUT_HIGH)] * inputs, [0] * inputs, 0
    for a, shift_a, b, shift_b, sign in nodes.tolist():
        factors.append((factors[a] << shift_a) + sign * (factors[b] << shift_b))
        up, down = factors[-1].clip(0).sum(), factors[-1].clip(None, 0).sum()
        ranges.append((int(up * INPUT_LOW + down * INPUT_HIGH), int(up * INPUT_HIGH + down * INPUT_LOW)))
        # A subtracted operand has no free low bits: its borrow starts at the bottom.
        free = max(shift_a, shift_b) if sign > 0 else shift_b
        bits += max(1, width(*ranges[-1]) - free)
        depth.append(max(depth[a], depth[b]) + 1)
    return max(depth), bits


def width(low: int, high: int) -> int:
    """Bits of a two's complement (or, if never negative, unsigned) integer in [low, high]."""
    return high.bit_length() if low >= 0 else max(high.bit_length(), (~low).bit_length()) + 1


def differing(matrix: Matrix, nodes: Matrix, outputs: Matrix) -> int:
    """Outputs that are not `x @ matrix` on random and corner vectors."""
    random = np.random.default_rng(0)
    x = random.integers(INPUT_LOW, INPUT_HIGH, (256, len(matrix)), endpoint=True)
    x[:2] = [[INPUT_LOW], [INPUT_HIGH]]
    values = list(x.T)
    for a, shift_a, b, shift_b, sign in nodes.tolist():
        values.append((values[a] << shift_a) + sign * (values[b] << shift_b))
    zero = np.zeros(len(x), np.int64)
    found = [sign * (values[i] << shift) if i >= 0 else zero for i, shift, sign in outputs.tolist()]
    return int((np.stack(found, axis=1) != x @ matrix).sum())


def measured(case: Case) -> dict[str, Any]:
    """One row: our graph of a case."""
    matrix = case.make(np.random.default_rng(0))
    low, high = np.full(len(matrix), INPUT_LOW), np.full(len(matrix), INPUT_HIGH)
    with timed() as clock:
        nodes, outputs = adder_graph(matrix, low, high)
    digits = [sum(len(csd(weight)) for weight in column) for column in matrix.T.tolist()]
    depth, bits = shape_of(matrix, nodes)
    return {
        "matrix": case.name,
        "unshared": sum(max(0, count - 1) for count in digits),
        "adders": len(nodes),
        "depth": depth,
        "least_depth": max((count - 1).bit_length() for count in digits if count),
        "adder_bits": bits,
        "seconds": clock.seconds,
        "differing": differing(matrix, nodes, outputs),
    }


def beside_da4ml(case: Case) -> dict[str, Any]:
    """The same matrix through da4ml's own defaults: adders, depth over both of its stages, seconds."""
    from da4ml.cmvm import solve

    matrix = case.make(np.random.default_rng(0))
    intervals = [(float(INPUT_LOW), float(INPUT_HIGH), 1.0)] * len(matrix)
    with timed() as clock:
        pipeline = solve(matrix.astype(np.float32), qintervals=intervals)
    adders, depth = 0, [0] * len(matrix)
    for stage in pipeline.solutions:
        reached: list[int] = []
        for op in stage.ops:
            adds = op.opcode in (0, 1)
            adders += adds
            reached.append(
                max(reached[op.id0], reached[op.id1]) + 1 if adds else depth[op.id0] if op.opcode == -1 else 0
            )
        depth = [reached[i] if i >= 0 else 0 for i in stage.out_idxs]
    return {"da4ml_adders": adders, "da4ml_depth": max(depth), "da4ml_seconds": clock.seconds}


def claims(cases: list[Case], rows: list[dict[str, Any]]) -> Iterator[Claim]:
    """What must hold for the rows at hand."""
    yield equal("outputs that differ from x @ matrix", sum(row["differing"] for row in rows), 0)
    excess = max(row["depth"] - row["least_depth"] for row in rows)
    yield at_most("levels above the least depth, worst", excess, 1)
    for case, row in zip(cases, rows, strict=True):
        if peer := row.get("da4ml_adders") or case.recorded_adders:
            yield at_most(f"{case.name}: adders over da4ml's", row["adders"] / peer, 1.05)
    if implementation() == "native":
        for case, row in zip(cases, rows, strict=True):
            yield at_most(f"{case.name}: seconds", row["seconds"], case.seconds_allowed)
        yield at_most("peak memory, MiB", peak_memory_mib(), 4096 / 2)


def measure(quick: bool) -> Outcome:
    """All cases, or those that answer at once."""
    cases = [case for case in CASES if case.quick or not quick]
    rows = [measured(case) for case in cases]
    if importlib.util.find_spec("da4ml"):
        for case, row in zip(cases, rows, strict=True):
            if case.recorded_adders:
                row |= beside_da4ml(case)
    return Outcome(rows, list(claims(cases, rows)), [f"implementation: {implementation()}"])


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["numpy", "da4ml"]))
