"""Numbers as people read them: one way to write a count, a share, a width, a time."""

from __future__ import annotations

from datetime import datetime

from bitwright.report.record import Histogram, max_bits, mean_bits

__all__ = [
    "NOT_KNOWN",
    "bits",
    "count",
    "energy",
    "moment",
    "percent",
    "points",
    "real",
    "shape",
    "signed_percent",
    "time_ns",
    "widths",
]

NOT_KNOWN = "–"


def count(number: float | None) -> str:
    """An integer with thousands separated by commas: `12,345`; a dash for None."""
    return NOT_KNOWN if number is None else f"{number:,.0f}"


def percent(share: float | None, digits: int = 2) -> str:
    """A share in [0, 1] as a percentage.

    >>> percent(0.97216), percent(None)
    ('97.22 %', '–')
    """
    return NOT_KNOWN if share is None else f"{share * 100:.{digits}f} %"


def points(change: float) -> str:
    """A difference of two shares in percentage points, with its sign.

    >>> points(-0.0028), points(0.0)
    ('−0.28 points', '±0 points')
    """
    return f"{_sign(change, 5e-5)}{abs(change) * 100:.2f} points" if abs(change) >= 5e-5 else "±0 points"


def signed_percent(share: float | None) -> str:
    """A relative error with its sign: `+2.1 %`; a dash for None."""
    return NOT_KNOWN if share is None else f"{_sign(share, 5e-4)}{abs(share) * 100:.1f} %"


def real(value: float | None) -> str:
    """A real number in at most five significant digits, with a typographic minus.

    >>> real(-3.96875), real(0.5), real(7.0)
    ('−3.9688', '0.5', '7')
    """
    return NOT_KNOWN if value is None else f"{value:.5g}".replace("-", "−")


def moment(iso: str) -> str:
    """An ISO 8601 time to the minute; text that is none stays as it is.

    >>> moment("2026-11-21T01:30:00Z"), moment("2026-11-21T01:30:00+01:00"), moment("today")
    ('2026-11-21 01:30 UTC', '2026-11-21 01:30 UTC+01:00', 'today')
    """
    try:
        return datetime.fromisoformat(iso).strftime("%Y-%m-%d %H:%M %Z").rstrip()
    except ValueError:
        return iso


def time_ns(nanoseconds: float) -> str:
    """A time in the unit that keeps it short.

    >>> time_ns(25.0), time_ns(1044.0 * 5), time_ns(3.2e6)
    ('25 ns', '5.22 µs', '3.2 ms')
    """
    for limit, unit in ((1e3, "ns"), (1e6, "µs")):
        if nanoseconds < limit:
            return f"{nanoseconds * 1e3 / limit:.4g} {unit}"
    return f"{nanoseconds / 1e6:.4g} ms"


def energy(picojoules: float | None) -> str:
    """An energy in pJ, four digits at least.

    >>> energy(12.514), energy(81234.4), energy(None)
    ('12.51 pJ', '81,234 pJ', '–')
    """
    if picojoules is None:
        return NOT_KNOWN
    return f"{picojoules:,.0f} pJ" if picojoules >= 1000 else f"{picojoules:.4g} pJ"


def bits(histogram: Histogram) -> str:
    """The width of a tensor: one number when all elements share it, else mean and largest.

    >>> bits(((6, 32),)), bits(((4, 3), (6, 1))), bits(())
    ('6', '4.5, max 6', '–')
    """
    mean, largest = mean_bits(histogram), max_bits(histogram)
    if mean is None:
        return NOT_KNOWN
    return str(largest) if mean == largest else f"{mean:.2g}, max {largest}"


def widths(histogram: Histogram) -> str:
    """The whole histogram in words: `4 bits x 2,048, 6 bits x 12`."""
    return ", ".join(f"{width} bits × {many:,}" for width, many in histogram if many) or NOT_KNOWN


def shape(dimensions: tuple[int, ...]) -> str:
    """A shape as `8 × 8 × 1`."""
    return " × ".join(map(str, dimensions)) or NOT_KNOWN


def _sign(number: float, smallest: float) -> str:
    if abs(number) < smallest:
        return "±"
    return "+" if number > 0 else "−"
