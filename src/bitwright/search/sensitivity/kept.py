"""Fine-tuned candidates on disk: training is what a search that is resumed must not repeat."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bitwright.core.errors import StorageError
from bitwright.core.files import sha256
from bitwright.train.door import keras

__all__ = ["kept_or_made"]


def kept_or_made(folder: Path | None, key: str, make: Callable[[], Any]) -> Any:
    """The model kept under `key` in `folder`, or else what `make` returns, kept from then on.

    The file appears in one step, when it is whole. Without a folder nothing is kept. Raises
    StorageError when the file cannot be written or read.
    """
    if folder is None:
        return make()
    path = folder / f"tuned-{sha256(key)[:16]}.keras"
    if path.is_file():
        with _refused(path, "read"):
            return keras.models.load_model(path, compile=False)
    made = make()
    with _refused(path, "written"):
        part = path.with_name(f".{path.stem}-{os.getpid()}.keras")
        folder.mkdir(parents=True, exist_ok=True)
        made.save(part, include_optimizer=False)
        os.replace(part, path)
    return made


@contextmanager
def _refused(path: Path, what: str) -> Generator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise StorageError(
            f"a tuned model cannot be {what}", where=str(path), why=next(iter(str(error).splitlines()), ""),
            remedy="remove the file, free some space or name another folder",
        ) from error  # fmt: skip
