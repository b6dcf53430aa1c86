"""Which framework Keras runs on: JAX, unless somebody said otherwise."""

from __future__ import annotations

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["prefer_jax"]


def prefer_jax() -> None:
    """Set `KERAS_BACKEND=jax` before Keras is first imported, if nothing speaks against it.

    What speaks against it: Keras is imported already, `KERAS_BACKEND` is set, the user's
    `keras.json` names something other than Keras's own default, or JAX is not installed.
    """
    if "keras" in sys.modules or "KERAS_BACKEND" in os.environ or _configured():
        return
    if find_spec("jax") is not None:
        os.environ["KERAS_BACKEND"] = "jax"


def _configured() -> bool:
    # Keras writes this file itself on first import, with "tensorflow": that is nobody's choice.
    home = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    try:
        chosen = json.loads((Path(home) / "keras.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(chosen, dict) and chosen.get("backend", "tensorflow") != "tensorflow"
