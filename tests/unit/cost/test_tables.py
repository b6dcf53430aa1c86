"""A table's LUTs: what is equal or inverse is built once, what matters not is left out."""

from __future__ import annotations

import numpy as np
import pytest

from bitwright.cost.tables import table_luts
from bitwright.ir.netlist import Word
from bitwright.platforms import fabric


def luts(values: list[int], family: str = "xcup") -> float:
    width = (len(values) - 1).bit_length()
    out = Word(int(min(values)), int(max(values)))
    return table_luts(np.array(values), 0, width, out, fabric(family))


def test_address_bits_that_do_not_matter_cost_nothing() -> None:
    rng = np.random.default_rng(3)
    six = rng.integers(0, 2, 64)
    assert luts(six.tolist()) == luts(np.repeat(six, 4).tolist()) == luts(np.tile(six, 4).tolist()) == 1


def test_equal_and_inverse_blocks_are_built_once() -> None:
    rng = np.random.default_rng(4)
    block = rng.integers(0, 2, 64)
    plain, inverse = luts([*block, *block]), luts([*block, *(1 - block)])
    assert plain == 1
    assert 1 < inverse < luts(rng.integers(0, 2, 128).tolist())


def test_two_bits_of_the_same_contents_cost_as_much_as_one() -> None:
    rng = np.random.default_rng(5)
    bit = rng.integers(0, 2, 256)
    assert luts((3 * bit).tolist()) == luts(bit.tolist())


@pytest.mark.parametrize("family", ["xc7", "xcup", "ecp5", "ice40", "gowin"])
def test_larger_random_tables_cost_more_on_every_family(family: str) -> None:
    rng = np.random.default_rng(6)
    costs = [luts(rng.integers(0, 4, 1 << width).tolist(), family) for width in range(3, 11)]
    assert costs == sorted(costs)
    assert costs[-1] >= 2 * (1 << 10) / (1 << fabric(family).lut_inputs), "nothing is shared in random contents"
