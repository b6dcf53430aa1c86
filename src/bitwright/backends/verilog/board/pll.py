"""Clocks from a board's oscillator: dividers of a family's PLL, and its instance.

Limits in MHz are those of the vendors' data sheets as the open tools have them (ecppll, icepll, gowin_pll), with the
narrower ones of a family's parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from bitwright.backends.verilog.tree import Expression, Instance, Literal, Ref
from bitwright.core.errors import InvalidValue

__all__ = ["Pll", "pll_for"]

Parameters = tuple[tuple[str, int | str | Literal], ...]


@dataclass(frozen=True, slots=True)
class Pll:
    """A PLL that makes `clock_mhz` of `source_mhz`, through a phase detector at `detector_mhz`: its cell."""

    clock_mhz: Fraction
    source_mhz: Fraction
    detector_mhz: Fraction
    cell: str
    parameters: Parameters
    pins: tuple[tuple[str, str | int], ...]

    def instance(self, source: str, clock: str, locked: str) -> Instance:
        """The cell between the nets `source`, `clock` and `locked`; pins that are numbers are tied."""
        nets = {"source": source, "clock": clock, "locked": locked}
        joined: list[tuple[str, Expression]] = [
            (pin, Literal(what, 1) if isinstance(what, int) else Ref(nets[what])) for pin, what in self.pins
        ]
        return Instance(self.cell, "u_pll", tuple(joined), self.parameters)


def pll_for(family: str, source_mhz: float, wanted_mhz: float, *, pad: bool = False) -> Pll | None:
    """The PLL of `family` (ecp5, ice40, ice40up, gowin) whose clock is the highest that is not above `wanted_mhz`.

    None where the oscillator itself is at least as close from below. `pad`: the oscillator's pin is the PLL's own.
    Raises `InvalidValue` for a family without a PLL here, and where nothing is slow enough.
    """
    if family not in _FAMILIES:
        raise InvalidValue(f"no PLL for {family!r}", where="board clock", remedy=f"one of {', '.join(_FAMILIES)}")
    source, wanted = Fraction(str(source_mhz)), Fraction(str(wanted_mhz))
    fitting = [found for found in _FAMILIES[family](source, pad) if found.clock_mhz <= wanted]
    # The faster the phase detector, the less the clock jitters.
    best = max(fitting, key=lambda found: (found.clock_mhz, found.detector_mhz), default=None)
    if source <= wanted and (best is None or best.clock_mhz <= source):
        return None
    if best is None:
        raise InvalidValue(
            f"no clock as slow as {wanted_mhz:g} MHz from {source_mhz:g} MHz", where=f"PLL of {family}",
            remedy="compile for a faster clock",
        )  # fmt: skip
    return best


def _ecp5(source: Fraction, _: bool) -> Iterator[Pll]:
    """EHXPLLL with its feedback from CLKOP: the output is the detector's rate times the feedback divider."""
    for divide in range(1, 129):
        detector = source / divide
        if not 10 <= detector <= 400:
            continue
        for feedback in range(1, 81):
            clock = detector * feedback
            output = _nearest(clock, range(1, 129), (400, 800))
            if output and 10 <= clock <= 400:
                yield _ehxplll(source, detector, clock, (divide, feedback, output))


def _nearest(clock: Fraction, dividers: Iterable[int], limits: tuple[int, int]) -> int | None:
    """The output divider whose oscillator lies nearest to the middle of its limits; None where none lies within."""
    low, high = limits
    fitting = [d for d in dividers if low <= clock * d <= high]
    return min(fitting, key=lambda d: abs(clock * d - (low + high) / Fraction(2)), default=None)


def _ehxplll(source: Fraction, detector: Fraction, clock: Fraction, dividers: tuple[int, int, int]) -> Pll:
    divide, feedback, output = dividers
    parameters: Parameters = (
        ("CLKI_DIV", divide), ("CLKFB_DIV", feedback), ("FEEDBK_PATH", "CLKOP"), ("CLKOP_ENABLE", "ENABLED"),
        ("CLKOP_DIV", output), ("CLKOP_CPHASE", output - 1), ("CLKOP_FPHASE", 0), ("PLLRST_ENA", "DISABLED"),
        ("INTFB_WAKE", "DISABLED"), ("STDBY_ENABLE", "DISABLED"), ("DPHASE_SOURCE", "DISABLED"),
        ("OUTDIVIDER_MUXA", "DIVA"),
    )  # fmt: skip
    pins = (
        ("CLKI", "source"), ("CLKOP", "clock"), ("CLKFB", "clock"), ("LOCK", "locked"), ("RST", 0), ("STDBY", 0),
        ("PHASESEL0", 0), ("PHASESEL1", 0), ("PHASEDIR", 1), ("PHASESTEP", 1), ("PHASELOADREG", 1),
        ("PLLWAKESYNC", 0), ("ENCLKOP", 0),
    )  # fmt: skip
    return Pll(clock, source, detector, "EHXPLLL", parameters, pins)


def _ice40(source: Fraction, pad: bool) -> Iterator[Pll]:
    """SB_PLL40 with simple feedback: source / (DIVR + 1) * (DIVF + 1) / 2**DIVQ."""
    cell, pin = ("SB_PLL40_PAD", "PACKAGEPIN") if pad else ("SB_PLL40_CORE", "REFERENCECLK")
    for divide in range(16):
        detector = source / (divide + 1)
        if not 10 <= detector <= 133:
            continue
        for feedback in range(128):
            oscillator = detector * (feedback + 1)
            for power in range(1, 7):
                clock = oscillator / 2**power
                if 533 <= oscillator <= 1066 and 16 <= clock <= 275:
                    parameters: Parameters = (
                        ("FEEDBACK_PATH", "SIMPLE"), ("DIVR", Literal(divide, 4)), ("DIVF", Literal(feedback, 7)),
                        ("DIVQ", Literal(power, 3)), ("FILTER_RANGE", Literal(_filter_range(detector), 3)),
                    )  # fmt: skip
                    nets = ((pin, "source"), ("PLLOUTGLOBAL", "clock"), ("LOCK", "locked"))
                    yield Pll(clock, source, detector, cell, parameters, (*nets, ("RESETB", 1), ("BYPASS", 0)))


def _filter_range(detector: Fraction) -> int:
    return 1 + sum(detector >= bound for bound in (17, 26, 44, 66, 101))


def _gowin(source: Fraction, _: bool) -> Iterator[Pll]:
    """rPLL: source / (IDIV_SEL + 1) * (FBDIV_SEL + 1), with the oscillator at ODIV_SEL times that."""
    for divide in range(1, 65):
        detector = source / divide
        if not 3 <= detector <= 400:
            continue
        for feedback in range(1, 65):
            clock = detector * feedback
            output = _nearest(clock, (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128), (500, 1200))
            if output and Fraction(25, 4) <= clock <= 500:
                yield _rpll(source, detector, clock, (divide, feedback, output))


def _rpll(source: Fraction, detector: Fraction, clock: Fraction, dividers: tuple[int, int, int]) -> Pll:
    divide, feedback, output = dividers
    parameters: Parameters = (
        ("FCLKIN", f"{float(source):g}"), ("IDIV_SEL", divide - 1), ("FBDIV_SEL", feedback - 1), ("ODIV_SEL", output),
        ("DYN_IDIV_SEL", "false"), ("DYN_FBDIV_SEL", "false"), ("DYN_ODIV_SEL", "false"), ("DYN_SDIV_SEL", 2),
        ("DYN_DA_EN", "false"), ("PSDA_SEL", "0000"), ("DUTYDA_SEL", "1000"), ("CLKFB_SEL", "internal"),
        ("CLKOUT_BYPASS", "false"), ("CLKOUTP_BYPASS", "false"), ("CLKOUTD_BYPASS", "false"),
        ("CLKOUT_FT_DIR", Literal(1, 1)), ("CLKOUTP_FT_DIR", Literal(1, 1)), ("CLKOUT_DLY_STEP", 0),
        ("CLKOUTP_DLY_STEP", 0), ("CLKOUTD_SRC", "CLKOUT"), ("CLKOUTD3_SRC", "CLKOUT"),
    )  # fmt: skip
    pins = (("CLKIN", "source"), ("CLKOUT", "clock"), ("LOCK", "locked"), ("RESET", 0), ("RESET_P", 0), ("CLKFB", 0))
    return Pll(clock, source, detector, "rPLL", parameters, pins)


_FAMILIES: dict[str, Callable[[Fraction, bool], Iterator[Pll]]] = {
    "ecp5": _ecp5, "ice40": _ice40, "ice40up": _ice40, "gowin": _gowin,
}  # fmt: skip
