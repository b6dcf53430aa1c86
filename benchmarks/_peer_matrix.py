"""One constant matrix through Alkaid or da4ml, in the Python that has it: `python _peer_matrix.py PEER FOLDER LIMIT`.

Reads `matrix.npz` in FOLDER: `weights` (inputs, outputs) and `formats` (inputs, 2), signed and bits of each. LIMIT
bounds the depth as the peer counts it: levels above the least, -1 for none. Writes the peer's Verilog below
FOLDER and prints one JSON line: CPU seconds of the optimizer, formats of the ports, sources.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def main(peer: str, folder: Path, limit: int) -> None:
    """Solve, write, tell."""
    data = np.load(folder / "matrix.npz")
    weights, formats = data["weights"].astype(np.float64), data["formats"]
    array, trace, model = _tools(peer)
    signed, bits = formats.T
    start = time.process_time()
    x = array((len(weights),), solver_options={"hard_dc": limit}).quantize(signed, bits - signed, np.zeros_like(bits))
    logic = trace(x, x @ weights)
    seconds = time.process_time() - start
    model(logic, path=folder / "rtl", prj_name="peer").write()
    found = [path for path in sorted((folder / "rtl" / "src").rglob("*.v")) if "wrapper" not in path.name]
    text = "\n".join(path.read_text() for path in found if path.parent.name != "static")
    used = [path for path in found if path.parent.name != "static" or f"{path.stem} #" in text]
    told = {
        "seconds": seconds,
        "inputs": np.transpose(logic.inp_kifs).tolist(),
        "outputs": np.transpose(logic.out_kifs).tolist(),
        "sources": [str(path.relative_to(folder)) for path in used],
    }
    print(json.dumps(told))


def _tools(peer: str) -> tuple[Any, Any, Any]:
    if peer == "alkaid":
        from alkaid.codegen import RTLModel  # pyright: ignore[reportMissingImports]
        from alkaid.trace import FVArrayInput, trace  # pyright: ignore[reportMissingImports]

        return FVArrayInput, trace, RTLModel
    from da4ml.codegen import RTLModel  # pyright: ignore[reportMissingImports]
    from da4ml.trace import FixedVariableArrayInput, comb_trace  # pyright: ignore[reportMissingImports]

    return FixedVariableArrayInput, comb_trace, RTLModel


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
