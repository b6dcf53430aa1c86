"""What every benchmark shares: rows to a table, claims with their bounds, the JSON file, the command line.

A benchmark measures and returns an `Outcome`; `main` does the rest:

    def measure(quick: bool) -> Outcome: ...

    if __name__ == "__main__":
        raise SystemExit(main(measure, __doc__, packages=["numpy"]))

The JSON file is {"rows": [...], "claims": [{"claim", "value", "bound", "holds"}], "versions": {...}}.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = [
    "Claim",
    "Clock",
    "Outcome",
    "at_least",
    "at_most",
    "equal",
    "geometric_mean",
    "main",
    "peak_memory_mib",
    "timed",
    "versions",
]

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """One sentence about the rows, with what was computed for it and what it is held against."""

    claim: str
    value: Any
    bound: Any
    holds: bool


def at_most(claim: str, value: float, bound: float) -> Claim:
    """`value` <= `bound`."""
    return Claim(claim, value, bound, bool(value <= bound))


def at_least(claim: str, value: float, bound: float) -> Claim:
    """`value` >= `bound`."""
    return Claim(claim, value, bound, bool(value >= bound))


def equal(claim: str, value: Any, bound: Any) -> Claim:
    """`value` == `bound`."""
    return Claim(claim, value, bound, bool(value == bound))


@dataclass(frozen=True)
class Outcome:
    """What a benchmark found: rows (one dict each, the same units in a column) and claims over them."""

    rows: Sequence[Row]
    claims: Sequence[Claim] = ()
    notes: Sequence[str] = field(default=())


@dataclass
class Clock:
    """Wall time of a `timed` block in seconds."""

    seconds: float = 0.0


@contextmanager
def timed() -> Iterator[Clock]:
    """Time a block: `with timed() as clock: ...`, then `clock.seconds`."""
    clock, start = Clock(), time.perf_counter()
    try:
        yield clock
    finally:
        clock.seconds = time.perf_counter() - start


def geometric_mean(values: Iterable[float]) -> float:
    """The mean of ratios."""
    logs = [math.log(value) for value in values]
    return math.exp(sum(logs) / len(logs))


def peak_memory_mib() -> float:
    """The most resident memory this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def versions(packages: Iterable[str] = ()) -> dict[str, str]:
    """Versions of Python, bitwright and `packages` (those installed), and the kind of machine."""
    found = {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }
    for package in ("bitwright", *packages):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            if package == "bitwright":
                import bitwright

                found[package] = bitwright.__version__
    return found


def main(
    measure: Callable[[bool], Outcome],
    description: str | None,
    *,
    packages: Iterable[str] = (),
    argv: Sequence[str] | None = None,
) -> int:
    """Run `measure(quick)`, print its table and claims, write the JSON file.

    The exit status is 1 if a claim fails under --strict, else 0.
    """
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a subset that answers within a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write rows, claims and versions")
    parser.add_argument("--strict", action="store_true", help="exit with 1 if a claim does not hold")
    options = parser.parse_args(argv)
    outcome = measure(options.quick)
    used = versions(packages)
    print("\n".join(_lines(outcome, used)))
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(_record(outcome, used, description or ""), indent=1, default=_plain) + "\n")
    return int(options.strict and not all(claim.holds for claim in outcome.claims))


def _record(outcome: Outcome, used: dict[str, str], description: str) -> dict[str, Any]:
    claims = [asdict(claim) for claim in outcome.claims]
    text = "\n\n".join(part for part in (description.strip(), *outcome.notes) if part)
    return {"rows": [dict(row) for row in outcome.rows], "claims": claims, "versions": used, "text": text}


def _plain(value: Any) -> Any:
    """Numpy scalars and arrays, which json does not know, as Python's own."""
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _lines(outcome: Outcome, used: dict[str, str]) -> list[str]:
    lines = _table(outcome.rows)
    if outcome.claims:
        lines += ["", *(_claim_line(claim) for claim in outcome.claims)]
    lines += ["", *outcome.notes] if outcome.notes else []
    return [*lines, "", ", ".join(f"{name} {number}" for name, number in used.items())]


def _claim_line(claim: Claim) -> str:
    mark = "holds" if claim.holds else "FAILS"
    return f"{mark}  {claim.claim}: {_cell(claim.value)} (bound {_cell(claim.bound)})"


def _table(rows: Sequence[Row]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(names))]
    numeric = [all(not isinstance(row.get(name), str) for row in rows) for name in names]
    lines = [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    ]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]] if names else []


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
