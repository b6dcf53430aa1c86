"""Answers questions in float64: `python -m bitwright.frontends.keras.double_server`, asked by `double` alone.

A question is a line of JSON on standard input: a folder with model.keras, "graph" or "logits", and arguments. The
answer is in the folder (graph.txt; y.npz for x.npz), and a line on standard output says why there is none ("": there
is). It ends with its input, or when nothing was asked for ten minutes.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

__all__: list[str] = []

_IDLE_S = 600


def _promoted(config: Any) -> Any:
    """A Keras configuration with every float32 dtype and policy made float64."""
    if isinstance(config, dict):
        return {key: _promoted(value) for key, value in config.items()}
    if isinstance(config, list | tuple):
        return type(config)(_promoted(value) for value in config)
    return "float64" if config == "float32" else config


def _twin(folder: Path) -> Any:
    from bitwright.frontends.keras.read import load_model

    stored = load_model(folder / "model.keras")
    twin = type(stored).from_config(_promoted(stored.get_config()))
    twin.set_weights(stored.get_weights())
    return twin


def _answer(folder: Path, question: str, arguments: Sequence[str]) -> None:
    from bitwright.frontends.keras.read import read_model
    from bitwright.frontends.keras.truth import logits
    from bitwright.ir.graph import show
    from bitwright.ir.interface import Head

    twin = _twin(folder)
    if question == "graph":
        told = json.loads(arguments[0])
        if isinstance(told["input_format"], list):
            told["input_format"] = tuple(told["input_format"])
        (folder / "graph.txt").write_text(show(read_model(twin, **told).graph))
        return
    with np.load(folder / "x.npz", allow_pickle=False) as given:
        x = [given[name].astype(np.float64) for name in given.files]
    np.savez(folder / "y.npz", *logits(twin, x, [Head[name] for name in arguments]))


def _why_not(folder: str, question: str, *arguments: str) -> str:
    import keras

    keras.config.set_floatx("float64")
    try:
        _answer(Path(folder), question, arguments)
    except Exception as error:
        return traceback.format_exception_only(error)[-1].strip().splitlines()[0]
    finally:
        keras.utils.clear_session()
    return ""


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    while True:
        idle = threading.Timer(_IDLE_S, os._exit, (0,))
        idle.daemon = True
        idle.start()
        line = sys.stdin.readline()
        idle.cancel()
        if not line:
            return
        print(json.dumps(_why_not(*json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
