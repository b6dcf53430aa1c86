"""The interpreter is the rules: a netlist's instructions compute what `evaluate` does, compiled and in numpy."""

from __future__ import annotations

import random

import numpy as np
from tests.generate import random_netlist, random_vectors

from bitwright.core.interpreter import LANES, Interpreter
from bitwright.core.twin.interpreter import Interpreter as TwinInterpreter
from bitwright.ir.netlist import Netlist, check, evaluated, run
from bitwright.ir.netlist.machine import flattened
from bitwright.numeric import IntArray

NETLISTS = 250


def netlist(seed: int) -> Netlist:
    rng = random.Random(seed)
    words, widest = rng.choice((10, 40, 150)), rng.choice((12, 14, 16, 30))
    return check(random_netlist(rng, words=words, widest_input=rng.choice((4, 8, 31)), widest=widest))


def side_by_side(arrays: list[IntArray]) -> IntArray:
    return np.concatenate([a.reshape(len(a), -1) for a in arrays], axis=1)


def test_instructions_compute_what_the_rules_do_on_random_and_corner_vectors() -> None:
    lanes: set[int] = set()
    for seed in range(NETLISTS):
        program = netlist(seed)
        vectors = random_vectors(program, random.Random(seed), (1, 40, 700)[seed % 3])
        expected = evaluated(program, vectors)
        for place, (a, b) in enumerate(zip(run(program, vectors), expected, strict=True)):
            assert (a.shape, a.dtype) == (b.shape, b.dtype), f"seed {seed}, output {place}"
            assert (a == b).all(), f"seed {seed}, output {place}: {int((a != b).sum())} codes differ"
        code = flattened(program)
        lanes.add(code.lane_bits)
        codes, found = side_by_side(vectors), np.zeros((len(vectors[0]), len(code.exits)), np.int64)
        twin = TwinInterpreter(code.steps, code.tables, code.numbers, code.entries, code.exits, code.lane_bits)
        twin.run(codes, found)
        assert (found == side_by_side(expected)).all(), f"seed {seed}: the twin differs"
        assert (Interpreter(code, threads=3)(codes) == found).all(), f"seed {seed}: the door differs"
    assert lanes == set(LANES)
