"""Constant multiplications on slices: the same products, never more slices than allowed."""

from __future__ import annotations

import numpy as np
import pytest

import bitwright as bw
from bitwright.ir import netlist as netlists
from bitwright.ir.netlist import check
from bitwright.ir.netlist.ops import Multiply
from bitwright.passes.multipliers import chosen_products


def a_design(bits: int, inputs: int, dsps: int) -> tuple[bw.Design, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(bits)
    half = 1 << (bits - 1)
    weights, bias = rng.integers(-half, half, (9, 5)), rng.integers(-99, 99, 5)
    design = bw.compile_matrix(weights, bias, input_format=f"s{inputs}.0")
    design.options = bw.Options(dsps=dsps, effort=0)
    return design, weights, bias


@pytest.mark.parametrize(("bits", "inputs"), [(6, 8), (8, 5), (12, 12), (16, 16)])
def test_products_on_slices_are_exact_in_every_corner(bits: int, inputs: int) -> None:
    design, weights, bias = a_design(bits, inputs, 12)
    top = 1 << (inputs - 1)
    x = np.random.default_rng(0).integers(-top, top, (400, 9))
    x[:3] = [[-top] * 9, [top - 1] * 9, [-top, top - 1, 0] * 3]
    assert (netlists.run(check(design.combinational), [x])[0] == x @ weights + bias).all()
    assert 0 < sum(isinstance(node.op, Multiply) for node in design.combinational.nodes) <= 12


def test_a_slice_takes_two_products_where_both_fit() -> None:
    design, _, _ = a_design(6, 8, 4)
    (multipliers,) = chosen_products(design.graph, 4).values()
    assert len(multipliers.products) == 4
    assert all(len(product.weights) == 2 for product in multipliers.products)


def test_slices_replace_lookup_tables_and_are_counted() -> None:
    none, some = (a_design(16, 16, dsps)[0].estimate() for dsps in (0, 20))
    assert (none.dsps, some.dsps) == (0, 20)
    assert some.luts < none.luts


def test_weights_of_few_digits_take_no_slice() -> None:
    weights = np.array([[4, -2], [1, 8]])
    assert chosen_products(bw.compile_matrix(weights).graph, 100) == {}
