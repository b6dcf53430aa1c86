"""What was measured, kept on disk, so that a search that was cut off goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bitwright.core.errors import StorageError
from bitwright.core.files import write_atomic

__all__ = ["Journal"]

SCHEMA = 1
NAME = "sensitivity.json"


class Journal:
    """Named rows of numbers in `folder`/sensitivity.json; without a folder, in memory alone.

    fingerprint: of everything that the rows depend on. Raises StorageError for a journal of something
    else, or one that cannot be read. The file is replaced in one step whenever a row is new.
    """

    def __init__(self, folder: Path | None, fingerprint: str) -> None:
        self.path = None if folder is None else folder / NAME
        self._fingerprint = fingerprint
        self._rows: dict[str, dict[str, float]] = {} if self.path is None else self._read(self.path)

    def get(self, key: str, make: Callable[[], Mapping[str, float]]) -> dict[str, float]:
        """The row `key`; made and written down if it is not there yet."""
        if key not in self._rows:
            self._rows[key] = {name: float(value) for name, value in make().items()}
            self._write()
        return dict(self._rows[key])

    def _write(self) -> None:
        if self.path is not None:
            tree = {"schema": SCHEMA, "fingerprint": self._fingerprint, "rows": self._rows}
            write_atomic(self.path, json.dumps(tree, indent=1, allow_nan=False) + "\n")

    def _read(self, path: Path) -> dict[str, dict[str, float]]:
        try:
            tree: Any = json.loads(path.read_text(encoding="utf-8"))
            schema, fingerprint, rows = tree["schema"], tree["fingerprint"], dict(tree["rows"])
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, LookupError) as error:
            raise StorageError(
                "the journal cannot be read", where=str(path), why=str(error), remedy="remove it or name another folder"
            ) from error
        if (schema, fingerprint) != (SCHEMA, self._fingerprint):
            raise StorageError(
                "the journal belongs to another model, other data or other options",
                where=str(path),
                remedy="name another folder, or repeat what was called before",
            )
        return rows
