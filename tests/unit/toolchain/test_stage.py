"""Staging: names that fit into scripts, nothing lost, nothing left."""

from __future__ import annotations

from pathlib import Path

import pytest

from bitwright.core.errors import InvalidValue, StorageError
from bitwright.toolchain.stage import checked_name, digest, read_sources, scratch, stage


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_order_is_kept_and_a_file_given_twice_counts_once(tmp_path: Path) -> None:
    b, a = write(tmp_path / "b.v", "b"), write(tmp_path / "a.v", "a")
    assert read_sources([b, a, b]) == {"b.v": b"b", "a.v": b"a"}


def test_equal_library_files_of_two_folders_count_once(tmp_path: Path) -> None:
    one, two = write(tmp_path / "1/fifo.v", "fifo"), write(tmp_path / "2/fifo.v", "fifo")
    assert list(read_sources([one, two])) == ["fifo.v"]


def test_different_files_of_one_name_are_all_kept(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{k}/top.v", str(k)) for k in range(3)]
    assert sorted(read_sources(paths).values()) == [b"0", b"1", b"2"]


def test_names_are_made_fit_for_scripts(tmp_path: Path) -> None:
    path = write(tmp_path / "-my top;rm.v", "x")
    assert list(read_sources([path])) == ["_my_top_rm.v"]


def test_only_verilog_goes_to_the_tools_but_all_files_lie_there(tmp_path: Path) -> None:
    paths = [write(tmp_path / name, name) for name in ("a.v", "rom.hex", "b.sv", "c.vh")]
    folder = tmp_path / "stage"
    folder.mkdir()
    staged = stage(read_sources(paths), folder)
    assert staged.verilog == ("a.v", "b.sv")
    assert {path.name for path in staged.folder.iterdir()} == {"a.v", "rom.hex", "b.sv", "c.vh"}


def test_no_sources_and_absent_sources_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="no sources"):
        read_sources([])
    with pytest.raises(StorageError, match=r"gone\.v"):
        read_sources([tmp_path / "gone.v"])


def test_scratch_leaves_nothing_even_after_an_error(tmp_path: Path) -> None:
    def fail_inside() -> None:
        with scratch(tmp_path / "work", "test") as folder:
            write(folder / "deep/file", "x")
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    assert list((tmp_path / "work").iterdir()) == []


def test_a_work_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    blocked = write(tmp_path / "file", "x")
    with pytest.raises(StorageError), scratch(blocked / "work", "test"):
        pass


@pytest.mark.parametrize("name", ["", "a b", "1a", "a;b", "a\n", "ä", "-x", "$paramod"])
def test_names_that_could_mean_more_to_a_script_are_refused(name: str) -> None:
    with pytest.raises(InvalidValue, match="not a plain Verilog identifier"):
        checked_name(name, "top")


def test_the_digest_tells_apart_lists_that_join_to_the_same_text() -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])
    assert digest(["ab"]) == digest([b"ab"])
    assert len(digest([])) == 24
