"""Running programs: what comes back, and what every kind of failure says."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from bitwright.core.errors import StorageError, ToolFailed, ToolMissing, ToolTimeout
from bitwright.toolchain import process
from bitwright.toolchain.process import Deadline, run


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return False
    return state != "Z"


def test_both_streams_come_back_apart(tmp_path: Path) -> None:
    done = run(python("import sys; print('out'); print('err', file=sys.stderr)"), tmp_path, 60)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    assert done.seconds > 0


def test_it_runs_in_the_folder_that_was_named_with_variables_added(tmp_path: Path) -> None:
    done = run(python("import os; print(os.getcwd(), os.environ['MARK'])"), tmp_path, 60, env={"MARK": "7"})
    assert done.stdout.split() == [str(tmp_path.resolve()), "7"]


def test_arguments_are_not_read_by_a_shell(tmp_path: Path) -> None:
    done = run((*python("import sys; print(sys.argv[1])"), "$(touch owned); *"), tmp_path, 60)
    assert done.stdout == "$(touch owned); *\n"
    assert not list(tmp_path.iterdir())


def test_a_program_that_waits_for_a_keyboard_gets_the_end_of_input(tmp_path: Path) -> None:
    assert run(python("import sys; print(repr(sys.stdin.read()))"), tmp_path, 60).stdout == "''\n"


def test_bytes_that_are_no_text_do_not_break_the_log(tmp_path: Path) -> None:
    assert "�" in run(python("import os; os.write(1, b'\\xff\\n')"), tmp_path, 60).stdout


def test_a_missing_program_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ToolMissing, match=r"try: apt install it") as caught:
        run(("no-such-program-here",), tmp_path, 60, name="it", missing="apt install it")
    assert caught.value.where == "it"


def test_a_file_that_cannot_be_executed_counts_as_missing(tmp_path: Path) -> None:
    path = tmp_path / "tool"
    path.write_text("x")
    with pytest.raises(ToolMissing):
        run((str(path),), tmp_path, 60)


def test_a_failure_carries_status_remedy_and_the_tail_of_the_log(tmp_path: Path) -> None:
    code = "import sys; [print('line', k) for k in range(500)]; sys.exit('the reason')"
    with pytest.raises(ToolFailed) as caught:
        run(python(code), tmp_path, 60, name="tool", remedy="do better")
    error = caught.value
    assert error.log.splitlines()[-1] == "the reason"
    assert "line 499" in error.log
    assert "line 100\n" not in error.log
    assert str(error).startswith("tool: ended with status 1")
    assert str(error).endswith("try: do better")


@pytest.mark.parametrize(
    "code",
    [
        "os.kill(os.getpid(), 9)",
        "os._exit(128 + 9)",
        "import sys; sys.exit('g++: fatal error: Killed signal terminated program cc1plus')",
    ],
)
def test_a_killed_program_says_so_and_hints_at_memory(tmp_path: Path, code: str) -> None:
    with pytest.raises(ToolFailed, match=r"killed by SIGKILL \(often the system is out of memory\)"):
        run(python(f"import os; {code}"), tmp_path, 60)


def test_a_crash_names_its_signal_without_the_hint(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match="killed by SIGSEGV") as caught:
        run(python("import os; os.kill(os.getpid(), 11)"), tmp_path, 60)
    assert "memory" not in caught.value.why


def test_a_timeout_is_a_failure_of_its_own_with_what_was_printed(tmp_path: Path) -> None:
    with pytest.raises(ToolTimeout, match=r"not finished after 0\.5 s") as caught:
        run(python("import time; print('begun', flush=True); time.sleep(60)"), tmp_path, 0.5, name="slow")
    assert caught.value.log == "begun"
    assert "timeout_s" in caught.value.remedy


def test_a_timeout_ends_the_programs_children_and_nobody_else(tmp_path: Path) -> None:
    bystander = subprocess.Popen(("sleep", "60"))
    code = (
        "import subprocess, pathlib; child = subprocess.Popen(('sleep', '60'));"
        "pathlib.Path('pid').write_text(str(child.pid)); child.wait()"
    )
    try:
        with pytest.raises(ToolTimeout):
            run(python(code), tmp_path, 1.5)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()
    child = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 10
    while is_alive(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not is_alive(child)


def test_a_program_that_will_not_end_is_ended_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_GRACE_S", 0.3)
    code = (
        "import os, pathlib, signal, time; signal.signal(15, signal.SIG_IGN);"
        "pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(60)"
    )
    with pytest.raises(ToolTimeout):
        run(python(code), tmp_path, 1.5)
    assert not is_alive(int((tmp_path / "pid").read_text()))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no space left") as caught:
        run(("dd", "if=/dev/zero", "of=/dev/full", "count=1"), tmp_path, 60)
    assert "No space left on device" in caught.value.why
    assert caught.value.where == str(tmp_path)


def test_a_working_folder_that_is_not_there_is_no_missing_tool(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="does not exist"):
        run(python(""), tmp_path / "nowhere", 60)


def test_a_deadline_is_shared_and_never_runs_below_zero() -> None:
    deadline = Deadline(0.01)
    time.sleep(0.02)
    assert 0 < deadline.left_s < 0.01
