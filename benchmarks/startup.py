"""How fast the package answers: `import bitwright`, `bitwright --help`, and what the import drags in."""

from __future__ import annotations

import subprocess
import sys

from benchmarks._table import Outcome, at_most, equal, main, timed

HEAVY = ("keras", "jax", "onnx", "tensorflow", "torch", "numpy")


def seconds(arguments: list[str], times: int) -> float:
    """The fastest of `times` runs of this Python with `arguments`."""
    best = float("inf")
    for _ in range(times):
        with timed() as clock:
            subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        best = min(best, clock.seconds)
    return best


def measure(quick: bool) -> Outcome:
    """Two times above an empty Python, and the heavy modules that the import loaded."""
    times = 3 if quick else 10
    empty = seconds(["-c", "pass"], times)
    light = seconds(["-c", "import bitwright"], times)
    helped = seconds(["-m", "bitwright", "--help"], times)
    code = f"import bitwright, sys; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    rows = [
        {"what": "empty Python", "seconds": empty},
        {"what": "import bitwright", "seconds": light},
        {"what": "bitwright --help", "seconds": helped},
    ]
    claims = [
        at_most("import bitwright, seconds", light - empty, 0.2),
        at_most("bitwright --help, seconds", helped, 0.5),
        equal("heavy modules that the import loads", " ".join(loaded) or "none", "none"),
    ]
    return Outcome(rows, claims)


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__))
