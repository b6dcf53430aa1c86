"""Immutable exact arrays with value equality: `Ints` (int64 codes) and `Steps` (fractions)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from fractions import Fraction
from math import gcd
from typing import Any, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bitwright.core.errors import InvalidValue

__all__ = ["IntArray", "Ints", "Steps", "is_dyadic"]

IntArray = NDArray[np.int64]


@final
class Ints:
    """An int64 array that is a value: it cannot change, compares and hashes by content.

    >>> Ints([[1, -2]]) == Ints([[1, -2]]), Ints(3).shape
    (True, ())
    """

    __slots__ = ("_hash", "array")

    array: IntArray

    def __init__(self, values: ArrayLike | Ints) -> None:
        if isinstance(values, Ints):
            self.array = values.array
        else:
            raw = np.asarray(values)
            if raw.size and raw.dtype.kind not in "iub":
                raise InvalidValue(f"codes are integers, not {raw.dtype}", remedy="round them first")
            if raw.size and raw.dtype.kind == "u" and int(raw.max()) > np.iinfo(np.int64).max:
                raise InvalidValue("a code exceeds 63 bits", remedy="use fewer bits")
            self.array = np.array(raw, dtype=np.int64, order="C")
            self.array.setflags(write=False)
        self._hash: int | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The array's shape."""
        return self.array.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self.array, dtype=dtype) if copy or dtype else self.array

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ints) and np.array_equal(self.array, other.array)

    def __hash__(self) -> int:
        if self._hash is None:
            digest = hashlib.blake2b(self.array.tobytes(), digest_size=8).digest()
            self._hash = hash((self.array.shape, digest))
        return self._hash

    def __repr__(self) -> str:
        return f"Ints({self.array.tolist()})"

    def collapsed(self) -> Ints:
        """The same array as a scalar when all elements are equal."""
        if self.array.size and (self.array == self.array.flat[0]).all():
            return Ints(self.array.flat[0])
        return self


def is_dyadic(value: Fraction) -> bool:
    """Whether `value` is an integer times a power of two."""
    return value.denominator & (value.denominator - 1) == 0


def _tight(flat: tuple[Fraction, ...], shape: tuple[int, ...]) -> tuple[tuple[Fraction, ...], tuple[int, ...]]:
    """Axes along which nothing changes shrink to 1, and leading ones go: equal steps look equal."""
    if flat and all(v == flat[0] for v in flat):
        return flat[:1], ()
    array = np.empty(len(flat), dtype=object)
    array[:] = flat
    array = array.reshape(shape)
    for axis in range(array.ndim):
        first = np.take(array, [0], axis=axis)
        if (array == first).all():
            array = first
    while array.ndim and array.shape[0] == 1:
        array = array[0]
    return tuple(array.ravel()), array.shape


@final
class Steps:
    """Exact positive steps that broadcast against a tensor's shape; one number where all agree.

    >>> Steps.of([Fraction(1, 4), Fraction(1, 4)]).uniform, Steps.of([1, 2]).shape
    (Fraction(1, 4), (2,))
    """

    __slots__ = ("_values", "shape")

    _values: tuple[Fraction, ...]
    shape: tuple[int, ...]

    def __init__(self, values: Iterable[Fraction], shape: tuple[int, ...]) -> None:
        flat = tuple(values)
        if any(v <= 0 for v in flat):
            raise InvalidValue("a step is positive", remedy="put the sign into the codes")
        self._values, self.shape = _tight(flat, shape)

    @classmethod
    def of(cls, values: Any) -> Steps:
        """From a number, a nested list or an array of numbers; floats are taken exactly."""
        if isinstance(values, Steps):
            return values
        raw = np.asarray(values, dtype=object)
        return cls((Fraction(v) for v in raw.ravel()), raw.shape)

    @property
    def uniform(self) -> Fraction | None:
        """The one step of all elements, or None when they differ."""
        return self._values[0] if self.shape == () else None

    @property
    def array(self) -> NDArray[Any]:
        """The steps as an object array of Fractions."""
        out = np.empty(len(self._values), dtype=object)
        out[:] = self._values
        return out.reshape(self.shape)

    @property
    def finest(self) -> Fraction:
        """The greatest common divisor: every step is an integer multiple of it."""
        best = self._values[0]
        for value in self._values[1:]:
            top = gcd(best.numerator * value.denominator, value.numerator * best.denominator)
            best = Fraction(top, best.denominator * value.denominator)
        return best

    @property
    def dyadic(self) -> bool:
        """Whether every step is a power of two times an integer."""
        return all(is_dyadic(v) for v in self._values)

    def floats(self) -> NDArray[np.float64]:
        """The nearest float64 of each step (exact for steps with up to 53 significant bits)."""
        return np.array([float(v) for v in self._values], dtype=np.float64).reshape(self.shape)

    def times(self, factor: Fraction) -> Steps:
        """Every step multiplied by `factor`."""
        return Steps((v * factor for v in self._values), self.shape)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Steps) and (self.shape, self._values) == (other.shape, other._values)

    def __hash__(self) -> int:
        return hash((self.shape, self._values))

    def __repr__(self) -> str:
        return f"Steps({[str(v) for v in self._values]}, {self.shape})" if self.shape else f"Steps({self._values[0]})"
