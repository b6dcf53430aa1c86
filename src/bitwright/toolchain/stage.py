"""A folder of its own for every tool run, with the sources copied in.

Tools get short relative names: the WebAssembly builds map `/tmp` to a folder of their own, so that an
absolute path there names something else, and scripts need no quoting.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import tempfile
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bitwright.core.errors import InvalidValue, StorageError

__all__ = ["Stage", "checked_name", "digest", "read_sources", "scratch", "stage", "storing"]

_VERILOG = frozenset({".v", ".sv"})


@dataclass(frozen=True, slots=True)
class Stage:
    """A folder with copies of the sources; `verilog` names those that a tool reads, in order."""

    folder: Path
    verilog: tuple[str, ...]


@contextlib.contextmanager
def storing(place: Path) -> Generator[None, None, None]:
    """Turn operating-system errors about files into `StorageError`."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            "cannot read or write here",
            where=str(error.filename or place),
            why=error.strerror or str(error),
            remedy="check the path, its permissions and the free space",
        ) from error


@contextlib.contextmanager
def scratch(workdir: Path, kind: str) -> Generator[Path, None, None]:
    """A fresh folder inside `workdir` that is gone afterwards, whatever happens."""
    with storing(workdir):
        workdir.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{kind}-", dir=workdir))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_sources(sources: Sequence[Path]) -> dict[str, bytes]:
    """Name to content, in order, without repeats.

    The same file twice counts once; another file of the same name gets a number before its name.
    Files that are not Verilog (headers, memory images) come along under their own names.
    """
    if not sources:
        raise InvalidValue("no sources", remedy="give at least one Verilog file")
    contents: dict[str, bytes] = {}
    for source in sources:
        with storing(source):
            data = source.read_bytes()
        name = re.sub(r"[^\w.+]", "_", source.name)
        if contents.get(name, data) != data:
            name = f"n{len(contents)}_{name}"
        contents[name] = data
    return contents


def stage(contents: dict[str, bytes], folder: Path) -> Stage:
    """Write `contents` (of `read_sources`) into `folder`."""
    with storing(folder):
        for name, data in contents.items():
            (folder / name).write_bytes(data)
    return Stage(folder, tuple(name for name in contents if Path(name).suffix in _VERILOG))


def checked_name(name: str, what: str) -> str:
    """`name`, refused when it is no plain Verilog identifier (it goes into scripts).

    >>> checked_name("fc1", "top module")
    'fc1'
    """
    if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise InvalidValue(
            f"{name!r} is not a plain Verilog identifier",
            where=what,
            remedy="use letters, digits and underscores",
        )
    return name


def digest(parts: Sequence[str | bytes]) -> str:
    """A content hash of `parts`: 24 hexadecimal digits; no two different lists run together."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        state.update(len(data).to_bytes(8, "little") + data)
    return state.hexdigest()[:24]
