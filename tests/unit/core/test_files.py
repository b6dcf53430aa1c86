"""Files are written whole or not at all, and only below the folder that was named."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bitwright.core.errors import StorageError
from bitwright.core.files import inside, sha256, write_atomic


def full_disk(*_: Any) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_text_and_bytes_are_written_into_new_folders(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.txt"
    assert write_atomic(path, "grün\n") == path
    assert path.read_bytes() == "grün\n".encode()
    write_atomic(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert [p.name for p in path.parent.iterdir()] == ["c.txt"]
    assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("step", ["fsync", "replace", "chmod"])
def test_a_full_disk_leaves_the_old_file_and_no_other(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_atomic(tmp_path / "net.v", "old")
    monkeypatch.setattr(os, step, full_disk)
    with pytest.raises(StorageError, match="No space left") as caught:
        write_atomic(path, "new" * 1000)
    monkeypatch.undo()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["net.v"]
    assert caught.value.where == str(path)
    assert "3000 bytes" in caught.value.what
    assert caught.value.remedy


def test_a_disk_that_fills_while_writing_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain: Callable[..., Any] = os.fdopen

    def opened(handle: int, mode: str) -> Any:
        stream = plain(handle, mode)

        class Full:
            def __enter__(self) -> Full:
                return self

            def __exit__(self, *_: object) -> None:
                stream.close()

            write = staticmethod(full_disk)

        return Full()

    monkeypatch.setattr(os, "fdopen", opened)
    with pytest.raises(StorageError):
        write_atomic(tmp_path / "net.v", "new")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "net.v", "new")
    assert list(tmp_path.iterdir()) == []


def test_a_file_where_a_folder_should_be_is_an_error_of_the_family(tmp_path: Path) -> None:
    (tmp_path / "blocked").write_text("")
    with pytest.raises(StorageError):
        write_atomic(tmp_path / "blocked" / "net.v", "new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError):
        write_atomic(tmp_path / "folder", "new")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blocked", "folder"]


@pytest.mark.parametrize("path", ["rtl/top.v", "./a", "a/../b", "", "...", "a/./b"])
def test_paths_below_the_folder_are_taken(path: str, tmp_path: Path) -> None:
    found = inside(tmp_path, path)
    assert found == (tmp_path.resolve() / path).resolve()


@pytest.mark.parametrize("path", ["..", "../x", "a/../../x", "/etc/passwd", "a/../../../x"])
def test_paths_outside_the_folder_are_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="outside the output folder"):
        inside(tmp_path / "out", path)


def test_a_link_that_leads_outside_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path)
    with pytest.raises(StorageError):
        inside(tmp_path / "out", "link/secret")
    assert inside(tmp_path / "out" / "link", "here") == tmp_path.resolve() / "here"


def test_a_folder_that_only_begins_alike_is_outside(tmp_path: Path) -> None:
    with pytest.raises(StorageError):
        inside(tmp_path / "out", "../out2/x")


def test_sha256_of_text_is_that_of_its_bytes() -> None:
    assert sha256("grün") == sha256("grün".encode()) == hashlib.sha256("grün".encode()).hexdigest()
