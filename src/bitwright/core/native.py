"""The door to what must be fast: the compiled module where there is one, else its Python twin.

Both give the same results, bit for bit. BITWRIGHT_NATIVE=0 in the environment forces the twin.
"""

from __future__ import annotations

import os
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bitwright.core import twin
from bitwright.core.errors import InvalidValue

__all__ = ["HAVE_NATIVE", "adder_graph", "implementation"]

_adder_graph = twin.adder_graph
_have_native = False
if os.environ.get("BITWRIGHT_NATIVE", "1") != "0":
    try:
        from bitwright import _native
    except ImportError:  # installed without a compiler
        pass
    else:
        _adder_graph = _native.adder_graph
        _have_native = True

HAVE_NATIVE: bool = _have_native


def implementation() -> Literal["native", "python"]:
    """Which of the two does the work in this process."""
    return "native" if HAVE_NATIVE else "python"


def adder_graph(
    matrix: ArrayLike, low: ArrayLike, high: ArrayLike, max_depth: int = -1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """`y = x @ matrix` for integers `x` in [low, high] as a graph of shared shift-and-add nodes.

    `matrix` is (inputs, outputs), `low` and `high` are (inputs,), all integers. Returns `nodes` (k, 5) and
    `outputs` (outputs, 3), both int64. A row (a, shift_a, b, shift_b, sign) of `nodes` adds
    `value[inputs + row] = (value[a] << shift_a) + sign * (value[b] << shift_b)` to the values, which begin
    with the inputs; a and b come before the node, and one of the shifts is zero. A row (index, shift,
    sign) of `outputs` is `sign * (value[index] << shift)`; index -1 stands for the constant zero. The sign
    is -1 only for a sum without a positive term, and for a column that is a negated other one.

    No output is deeper than `max_depth` nodes; -1 allows one level more than the deepest column needs at
    least, which costs hardly an adder. Every node's value, over inputs in their intervals, fits int64.
    The result depends on the arguments alone.

    Method: canonical signed digits; the two-term pattern (two nodes, relative shift and sign) that saves
    most adder bits becomes a node wherever it occurs, until none occurs twice (R. I. Hartley, IEEE
    TCAS-II 43, 1996; weighted as in da4ml, arXiv:2507.04535); what is left of each column is
    added narrowest sum first.

    Raises InvalidValue if shapes or intervals do not fit, if twice the sum of |weight| times |input|
    reaches 2^61 in some column, or if a column needs more than `max_depth` levels.

    >>> nodes, outputs = adder_graph([[3, 6], [5, 11]], [-8, -8], [7, 7])
    >>> len(nodes), outputs.tolist()
    (6, [[5, 0, 1], [7, 0, 1]])
    """
    weights = _integers("matrix", matrix, 2)
    lowest, highest = _integers("low", low, 1), _integers("high", high, 1)
    if not lowest.shape == highest.shape == weights.shape[:1]:
        raise InvalidValue(
            f"matrix has shape {weights.shape}, low {lowest.shape}, high {highest.shape}",
            where="adder_graph",
            remedy="give one interval per row of the matrix",
        )
    if np.any(lowest > highest):
        row = int(np.argmax(lowest > highest))
        raise InvalidValue(
            f"input {row} has the empty interval [{lowest[row]}, {highest[row]}]",
            where="adder_graph",
            remedy="give low <= high for every input",
        )
    try:
        return _adder_graph(weights, lowest, highest, max_depth)
    except ValueError as error:
        too_shallow = "levels" in str(error)
        remedy = "raise max_depth, or leave it at -1" if too_shallow else "use fewer bits or split the sum"
        raise InvalidValue(str(error), where="adder_graph", remedy=remedy) from None


def _integers(name: str, values: ArrayLike, rank: int) -> NDArray[np.int64]:
    array: NDArray[Any] = np.asarray(values)
    if array.ndim != rank:
        raise InvalidValue(f"{name} has {array.ndim} axes, not {rank}", where="adder_graph")
    if array.size and array.dtype.kind not in "iu":
        raise InvalidValue(
            f"{name} holds {array.dtype}, not integers",
            where="adder_graph",
            remedy="pass integer codes: values divided by their step",
        )
    if array.dtype == np.uint64 and np.any(array > np.iinfo(np.int64).max):
        raise InvalidValue(f"{name} exceeds 63 bits", where="adder_graph", remedy="use fewer bits")
    return np.ascontiguousarray(array, np.int64)
