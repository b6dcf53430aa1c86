"""Energies of one process: polynomials, as data.

Source: M. Horowitz, "Computing's energy problem", ISSCC 2014 (45 nm, 0.9 V), in the fits that QTools uses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bitwright.core.errors import InvalidValue
from bitwright.ir.layers import Mode, Operand

__all__ = ["HOROWITZ", "Polynomial", "Process", "process_of"]


@dataclass(frozen=True)
class Polynomial:
    """Coefficients, the highest power first.

    >>> Polynomial((2.0, 1.0))(3)
    7.0
    """

    coefficients: tuple[float, ...]

    def __call__(self, x: float) -> float:
        """The value at `x`."""
        value = 0.0
        for coefficient in self.coefficients:
            value = value * x + coefficient
        return value


@dataclass(frozen=True)
class Process:
    """Energies in pJ.

    fixed_*: of an operation on that many bits; fp16_*, fp32_*: of one operation; sram_read: of 64 bits
    from a memory of 2^x bits; dram_read: of that many bits.
    """

    name: str
    fixed_add: Polynomial
    fixed_multiply: Polynomial
    fp16_add: Polynomial
    fp16_multiply: Polynomial
    fp32_add: Polynomial
    fp32_multiply: Polynomial
    sram_read: Polynomial
    dram_read: Polynomial

    @classmethod
    def of(cls, name: str, table: Mapping[str, Sequence[float]]) -> Process:
        """A process from QKeras's names for the polynomials (`fpm_add`, `fpm_mul`, `fp16_add`, ...)."""
        words = {
            "fixed_add": "fpm_add", "fixed_multiply": "fpm_mul", "fp16_add": "fp16_add", "fp16_multiply": "fp16_mul",
            "fp32_add": "fp32_add", "fp32_multiply": "fp32_mul", "sram_read": "sram_rd", "dram_read": "dram_rd",
        }  # fmt: skip
        missing = [word for word in words.values() if word not in table]
        if missing:
            raise InvalidValue(
                f"no polynomial {missing[0]!r}", where=f"process {name!r}", remedy=f"give {', '.join(words.values())}"
            )
        found = {ours: Polynomial(tuple(float(c) for c in table[theirs])) for ours, theirs in words.items()}
        return cls(name, **found)

    def add_pj(self, result: Operand, bits: float) -> float:
        """One addition (or a gate that is counted as one) on `bits` bits that gives a `result`."""
        return max(0.0, self._choose(result, self.fixed_add, self.fp16_add, self.fp32_add)(bits))

    def multiply_pj(self, result: Operand, bits: float) -> float:
        """One multiplication on `bits` bits that gives a `result`."""
        return max(0.0, self._choose(result, self.fixed_multiply, self.fp16_multiply, self.fp32_multiply)(bits))

    @staticmethod
    def _choose(result: Operand, fixed: Polynomial, half: Polynomial, single: Polynomial) -> Polynomial:
        if result.mode is not Mode.FLOAT:
            return fixed
        return half if result.bits <= 16 else single


HOROWITZ = Process.of(
    "horowitz",
    {
        "fpm_add": (0.003125, 0),
        "fpm_mul": (0.002994791667, 0.001041666667, 0),
        "fp16_add": (0.4,),
        "fp16_mul": (1.1,),
        "fp32_add": (0.9,),
        "fp32_mul": (3.7,),
        "sram_rd": (0.000902427321, -0.0268847858, 0.208900804, 0.0),
        "dram_rd": (20.3125, 0),
    },
)


def process_of(process: str | Process | Mapping[str, Sequence[float]]) -> Process:
    """A process by name, as it is, or from a table of QKeras's polynomials."""
    if isinstance(process, Process):
        return process
    if isinstance(process, str):
        if process == HOROWITZ.name:
            return HOROWITZ
        raise InvalidValue(
            f"there is no process {process!r}", where="QTools", remedy="use 'horowitz', a Process or its polynomials"
        )
    return Process.of("custom", process)
