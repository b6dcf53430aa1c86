"""Writing files so that nothing is ever half there, and never outside the folder that was named."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from bitwright.core.errors import StorageError

__all__ = ["inside", "sha256", "write_atomic"]


def write_atomic(path: Path, data: bytes | str) -> Path:
    """Write `data` to `path` in one step: readers see the old file or the new one, never a part.

    Raises `StorageError` when the disk is full or the place cannot be written; no partial file
    stays behind.
    """
    payload = data.encode() if isinstance(data, str) else data
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, payload)
    except OSError as error:
        raise StorageError(
            f"cannot write {len(payload)} bytes",
            where=str(path),
            why=error.strerror or str(error),
            remedy="free some space or name another output folder",
        ) from error
    return path


def _replace(path: Path, payload: bytes) -> None:
    """Through a neighbor that is renamed when it is complete, and removed when it does not come to that."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(payload)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def inside(folder: Path, relative: str) -> Path:
    """`folder / relative`, refused when it would lie outside `folder`.

    >>> inside(Path("/tmp/build"), "rtl/top.v").as_posix()
    '/tmp/build/rtl/top.v'
    """
    root = folder.resolve()
    target = (root / relative).resolve()
    if target != root and root not in target.parents:
        raise StorageError(
            f"{relative!r} lies outside the output folder",
            where=str(folder),
            remedy="give a path without '..' below the output folder",
        )
    return target


def sha256(data: bytes | str) -> str:
    """The SHA-256 of `data` in hexadecimal: 64 digits."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()
