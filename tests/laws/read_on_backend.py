"""`python -m tests.laws.read_on_backend FOLDER NAME MODEL...`: how the backend of this process reads stored models.

For each FOLDER/MODEL.keras the graph goes to FOLDER/MODEL.NAME.txt, doors and unstable codes to
FOLDER/MODEL.NAME.json. With the name "build", random models are stored first (MODEL is a seed).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bitwright.frontends.keras import load_model, read_model
from bitwright.ir.graph import show

__all__ = ["main"]


def main(folder: Path, name: str, models: list[str]) -> None:
    for model in models:
        if name == "build":
            from tests.random_models import random_model

            random_model(int(model)).save(folder / f"{model}.keras")
        reading = read_model(load_model(folder / f"{model}.keras"))
        (folder / f"{model}.{name}.txt").write_text(show(reading.graph))
        record = {
            "encoders": [encoder.describe() for encoder in reading.encoders],
            "heads": [decoder.head.value for decoder in reading.decoders],
            "unstable": {str(f.node): f.unstable for f in reading.findings if f.unstable},
        }
        (folder / f"{model}.{name}.json").write_text(json.dumps(record))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
