"""Event files: TensorFlow reads back what was written, and every trial of a study leaves them."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from tests.unit.search.evaluations import SPACE, plain

from bitwright.search.events import Events, crc32c
from bitwright.search.study import Study
from bitwright.search.trial import State

READ = """
import sys, glob, json
import tensorflow as tf
rows = []
for path in sorted(glob.glob(sys.argv[1] + "/**/*tfevents*", recursive=True)):
    for event in tf.compat.v1.train.summary_iterator(path):
        rows += [[value.tag, event.step, value.simple_value] for value in event.summary.value]
        rows += [["version", event.step, event.file_version]] if event.file_version else []
print(json.dumps(rows))
"""


def read_back(folder: Path) -> list[list]:
    import json

    pytest.importorskip("tensorflow")
    pytest.importorskip("optuna")
    run = subprocess.run([sys.executable, "-c", READ, str(folder)], capture_output=True, text=True, check=True)
    return json.loads(run.stdout.splitlines()[-1])


def parse(data: bytes) -> list[bytes]:
    """The records of a TFRecord file; both sums of each are checked."""
    records = []
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        record = data[12 : 12 + length]
        assert struct.unpack("<I", data[8:12])[0] == masked(data[:8])
        assert struct.unpack("<I", data[12 + length : 16 + length])[0] == masked(record)
        records.append(record)
        data = data[16 + length :]
    return records


def masked(data: bytes) -> int:
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF


def test_sums_are_those_of_rfc_3720() -> None:
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E


def test_messages_are_those_that_tensorflow_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.time", lambda: 1700000000.25)
    with Events(tmp_path) as events:
        events.scalar("loss", 300, -3.25)
    (path,) = tmp_path.iterdir()
    version, event = parse(path.read_bytes())
    # from SerializeToString of tf.compat.v1.Event; the first lacks its step 0, a default, which we write
    assert version.hex().replace("1000", "", 1) == "0900001040fc54d9411a0d627261696e2e4576656e743a32"
    assert event.hex() == "0900001040fc54d94110ac022a0d0a0b0a046c6f737315000050c0"


@pytest.mark.backend
def test_tensorflow_reads_what_was_written(tmp_path: Path) -> None:
    values = [(1, 0.5), (2, -3.25), (300, 1e-30), (2**40, math.inf), (2**40 + 1, -1e300)]
    with Events(tmp_path / "a") as events:
        for step, value in values:
            events.scalar("loss/ä", step, value)
    study = Study(tmp_path / "b", SPACE, directions=("maximize",), seed=5)
    trials = study.run(plain, trials=4)
    rows = read_back(tmp_path)
    assert rows[0] == ["version", 0, "brain.Event:2"]
    expected = [["loss/ä", step, max(value, -math.inf) if abs(value) < 1e38 else math.copysign(math.inf, value)]
                for step, value in values]
    single = [[tag, step, struct.unpack("<f", struct.pack("<f", value))[0]] for tag, step, value in expected]
    assert rows[1 : 1 + len(values)] == single
    told = [row for row in rows[1 + len(values) :] if row[0] != "version"]
    assert [row[1] for row in told if row[0] == "report"] == [s for t in trials for s, _ in t.reports]
    complete = [trial for trial in trials if trial.state is State.COMPLETE and trial.repeats is None]
    assert [row[1] for row in told if row[0] == "value/0"] == [trial.number for trial in complete]


def test_every_report_is_in_the_file_at_once_and_the_sums_hold(tmp_path: Path) -> None:
    with Events(tmp_path) as events:
        for step in range(1, 5):
            events.scalar("report", step, step / 3)
            (path,) = tmp_path.glob("*tfevents*")
            assert len(parse(path.read_bytes())) == step + 1
