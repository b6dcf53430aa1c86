"""CPU time of a training step and of inference, quantized beside float: bitwright, qkeras-v3 and HGQ2.

Each contender runs in a process of its own and builds its float network there too, so that a ratio compares
two networks in one process, timed in turns. A peer is shown where it is installed: in this environment, or in
the one whose Python BENCH_QKERAS_PYTHON or BENCH_HGQ_PYTHON names (qkeras-v3 brings TensorFlow along).
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks._table import Claim, Outcome, at_most, main

CONTENDERS = (("bitwright", "bitwright"), ("qkeras", "qkeras-v3"), ("hgq", "HGQ2"))
SCRIPT = Path(__file__).with_name("_contender.py")


def python_of(kind: str) -> str | None:
    """The interpreter that has the contender; None if there is none."""
    told = os.environ.get(f"BENCH_{kind.upper()}_PYTHON")
    return told or (sys.executable if importlib.util.find_spec(kind) else None)


def timings(kind: str, quick: bool) -> list[dict[str, Any]]:
    """What `_contender.py` prints, one record per network; empty where the contender is missing."""
    python = python_of(kind)
    if python is None:
        return []
    command = [python, str(SCRIPT), kind, "quick" if quick else "full"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{kind} failed in {python}:\n{done.stderr[-2000:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def row(name: str, told: dict[str, Any]) -> dict[str, Any]:
    """One line of the table: times of the quantized network, ratios to the float one."""
    return {
        "what": name,
        "network": told["network"],
        "weight scale": "trained widths" if name == "HGQ2" else told["alpha"],
        "batch": told["batch"],
        "step ms": told["quantized_step"],
        "step ratio": told["quantized_step"] / told["float_step"],
        "inference ratio": told["quantized_predict"] / told["float_predict"],
        "first step s": told["quantized_first_s"],
        "first step ratio": told["quantized_first_s"] / told["float_first_s"],
    }


def claims_of(rows: list[dict[str, Any]]) -> list[Claim]:
    """The bounds that bitwright's own rows are held against."""
    claims: list[Claim] = []
    for mine in (row for row in rows if row["what"] == "bitwright"):
        which = f"{mine['network']}, alpha={mine['weight scale']}, batch {mine['batch']}"
        claims += [
            at_most(f"{which}: training step, CPU time over float", mine["step ratio"], 1.3),
            at_most(f"{which}: inference, CPU time over float", mine["inference ratio"], 1.1),
            at_most(f"{which}: first step, CPU time over float", mine["first step ratio"], 3.0),
        ]
    return claims


def measure(quick: bool) -> Outcome:
    """Ratios of all contenders that are installed."""
    rows = [row(name, told) for kind, name in CONTENDERS for told in timings(kind, quick)]
    missing = [name for kind, name in CONTENDERS if python_of(kind) is None]
    notes = [f"not installed: {', '.join(missing)}"] if missing else []
    return Outcome(rows, claims_of(rows), notes)


if __name__ == "__main__":
    raise SystemExit(main(measure, __doc__, packages=["keras", "jax", "qkeras-v3", "hgq2"]))
