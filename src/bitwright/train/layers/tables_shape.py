"""What a layer of table neurons is made of before it is trained: which inputs meet, levels, smooth functions."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitwright.core.errors import InvalidValue

__all__ = ["grouped", "hats", "linear_tables", "quantile_levels", "uniform_levels"]

Floats = NDArray[np.float32]


def grouped(inputs: int, size: int, told: Any, seed: int) -> tuple[tuple[int, ...], ...]:
    """The inputs that each table reads: as told, or neighbors and then `told - 1` seeded shuffles of them all.

    Where `size` does not divide `inputs`, the last table of a shuffle reads the first inputs once more.

    >>> grouped(5, 2, 1, 0)
    ((0, 1), (2, 3), (4, 0))
    """
    if not isinstance(told, int):
        return _checked(tuple(tuple(int(i) for i in group) for group in told), inputs, size)
    rng = np.random.default_rng(seed)
    found: list[tuple[int, ...]] = []
    for pairing in range(told):
        order = np.arange(inputs) if pairing == 0 else rng.permutation(inputs)
        order = np.resize(order, -(-inputs // size) * size).tolist()
        found += [tuple(order[i : i + size]) for i in range(0, len(order), size)]
    return tuple(found)


def _checked(groups: tuple[tuple[int, ...], ...], inputs: int, size: int) -> tuple[tuple[int, ...], ...]:
    wrong = next((g for g in groups if len(g) != size or not all(0 <= i < inputs for i in g)), None)
    if wrong is not None or not groups:
        raise InvalidValue(
            f"a table of the inputs {wrong}",
            where="QTableDense",
            why=f"tables read {size} of {inputs} inputs",
            remedy="give pairings=1, or tuples of that many indices",
        )
    return groups


def uniform_levels(inputs: int, bits: int, reach: float) -> Floats:
    """Levels (inputs, 2**bits - 1) of the floor to a step of 2 * reach / 2**bits, saturated at +-reach."""
    step = 2.0 * reach / (1 << bits)
    row = (np.arange(1, 1 << bits) - (1 << (bits - 1))) * step
    return np.tile(row.astype(np.float32), (inputs, 1))


def quantile_levels(x: NDArray[np.floating], bits: int, fraction: int) -> Floats:
    """Levels (inputs, 2**bits - 1) between which equally many samples of x lie, on multiples of 2**-fraction."""
    flat = np.asarray(x, dtype=np.float64).reshape(-1, x.shape[-1])
    shares = np.arange(1, 1 << bits) / (1 << bits)
    return (np.rint(np.quantile(flat, shares, axis=0).T * 2.0**fraction) * 2.0**-fraction).astype(np.float32)


def hats(bits: int, members: int) -> Floats:
    """Functions on the addresses of a table, (2**(bits * members), count): hats of every width, and each point's own.

    The hats of one width, products over the members, lie on knots 2**l codes apart; their values are multiples of
    2**-(bits * members). Entries as sums of them are a smooth function before they are anything else: descent moves
    wide hats sooner than single points (hierarchical bases: H. Yserentant, Numer. Math. 49, 1986).

    >>> hats(1, 1).tolist()
    [[1.0, 0.0, 1.0, 0.0], [0.5, 0.5, 0.0, 1.0]]
    """
    size = 1 << bits
    blocks: list[Floats] = []
    for level in range(bits, -1, -1):
        apart = 1 << level
        knots = np.arange(0, size + (apart > 1), apart)
        one = np.maximum(0.0, 1.0 - np.abs(np.arange(size)[:, None] - knots) / apart).astype(np.float32)
        block = one
        for _ in range(members - 1):
            block = np.kron(block, one)
        blocks.append(block)
    return np.concatenate(blocks, axis=1)


def linear_tables(weights: NDArray[np.floating], values: NDArray[np.floating]) -> Floats:
    """Entries (tables, size**k, units) of weights (tables, k, units) times values (tables, k, size), added up."""
    tables, members, units = weights.shape
    total = np.zeros((tables, *(values.shape[-1],) * members, units))
    for member in range(members):
        along = [1] * members
        along[member] = values.shape[-1]
        total += weights[:, member].reshape(tables, *[1] * members, units) * values[:, member].reshape(
            tables, *along, 1
        )
    return total.reshape(tables, prod(total.shape[1:-1]), units).astype(np.float32)
