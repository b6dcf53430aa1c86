"""Rows of a long benchmark as they are found: a run that was cut off, or made piece by piece, goes on where it stood.

With BENCH_PARTS=FOLDER in the environment every part's rows are written there at once and read by the next run in
place of being measured. The folder belongs to one state of the code: it refuses another one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["part"]

_ROOT = Path(__file__).resolve().parents[1]


def part(name: str, measured: Callable[[], Iterable[dict[str, Any]]], code: Iterable[str]) -> list[dict[str, Any]]:
    """The rows of the part `name`: those in the folder, or what `measured` finds.

    `code`: paths in the repository on which the rows depend. Raises SystemExit where the folder's are of other code.
    """
    if "BENCH_PARTS" not in os.environ:
        return list(measured())
    folder, state = Path(os.environ["BENCH_PARTS"]), _state(code)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{re.sub(r'[^A-Za-z0-9]+', '_', name)}.json"
    if file.is_file():
        found = json.loads(file.read_text())
        if found["state"] != state:
            raise SystemExit(f"{file}: measured with other code\ntry: another folder for BENCH_PARTS")
        return found["rows"]
    rows = list(measured())
    made = file.with_suffix(".new")
    made.write_text(json.dumps({"part": name, "state": state, "rows": rows}, indent=1, default=_plain) + "\n")
    made.replace(file)
    return rows


def _state(code: Iterable[str]) -> str:
    """A hash of the files, and of those in the folders, as they are."""
    made = hashlib.sha256()
    for start in map(_ROOT.joinpath, code):
        found = sorted(p for p in start.rglob("*") if p.is_file() and p.suffix != ".pyc") if start.is_dir() else [start]
        for file in found:
            made.update(file.relative_to(_ROOT).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return made.hexdigest()


def _plain(value: Any) -> Any:
    """Numpy scalars and arrays as Python's own."""
    return value.tolist() if hasattr(value, "tolist") else str(value)
