"""Fronts that HGQ2 and HGQ-LUT train beside ours, in their own Python, and what their circuits take on true cells."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._cells import on_cells
from benchmarks._mapped import mapped
from benchmarks._peers import python_of
from benchmarks._search_tasks import Task
from bitwright.search.splits import Splits

__all__ = ["FAMILIES", "PeerPoint", "peer_front"]

FAMILIES = {"hgq2": "HGQ2 + Alkaid", "hgq-lut": "HGQ-LUT + Alkaid"}
TABLES = {"widths": (16, 16, 5), "ebops": (500.0, 12000.0)}
"""Of HGQ-LUT on jets, on which alone it runs."""
SCRIPT = Path(__file__).with_name("_peer_front.py")


@dataclass(frozen=True)
class PeerPoint:
    """A trained network of a peer: accuracies, EBOPs, LUTs and carry cells of its circuit on true cells."""

    validation: float
    test: float
    ebops: float
    luts: int
    carries: int


def peer_front(
    family: str, task: Task, data: Splits, seconds: float, seed: int, folder: Path
) -> tuple[list[PeerPoint], str]:
    """The points that `seconds` of training leave, by rising LUTs, and a note of how many epochs that were.

    The peer's Python is BENCH_HGQ_PYTHON's: hgq2 and alkaid are installed there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = {"train": data.train, "validation": data.validation, "test": data.test}
    pairs = {f"{axis}_{name}": a for name, pair in parts.items() for axis, a in zip("xy", pair or (), strict=False)}
    np.savez(folder / "data.npz", **pairs)
    shape = {"widths": task.widths, "ebops": task.peer_ebops} if family == "hgq2" else TABLES
    (folder / "told.json").write_text(json.dumps({"family": family, "seconds": seconds, "seed": seed, **shape}))
    command = [str(python_of("hgq")), str(SCRIPT), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{family} failed:\n{done.stderr[-2000:]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    points = [_point(row, folder) for row in told["points"]]
    return sorted(points, key=lambda p: p.luts), f"{FAMILIES[family]}, seed {seed}: {told['epochs']} epochs"


def _point(row: dict[str, Any], folder: Path) -> PeerPoint:
    sources = [Path(name).read_text() for name in row["sources"]]
    found = mapped(on_cells(sources), "peer", folder, keep_sums=False)
    return PeerPoint(row["validation"], row["test"], row["ebops"], found.luts, found.carries)
