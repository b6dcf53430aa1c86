"""Model files are read safely: nothing in them is run, and what cannot be read is refused with the way out."""

from __future__ import annotations

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers as kl
from tests.keras_models import dense, inputs_for, quantized, randomize, tiny

import bitwright as bw
from bitwright.core.errors import BitwrightError, InvalidModel, Unsupported
from bitwright.frontends.keras import load_model

WITNESS = "BITWRIGHT_TEST_WITNESS"


@pytest.fixture
def witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that an executed payload would create."""
    path = tmp_path / "witness"
    monkeypatch.setenv(WITNESS, str(path))
    return path


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.keras"
    tiny().save(path)
    return path


def refused(path: Path, witness: Path | None = None) -> BitwrightError:
    with pytest.raises((InvalidModel, Unsupported)) as caught:
        bw.compile(path)
    assert str(path) in caught.value.where
    assert caught.value.remedy
    assert witness is None or not witness.exists()
    return caught.value


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The archive with other members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def with_config(path: Path, change: Callable[[Any], None]) -> Path:
    def edit(members: dict[str, bytes]) -> None:
        config = json.loads(members["config.json"])
        change(config)
        members["config.json"] = json.dumps(config).encode()

    return rewritten(path, edit)


def test_a_lambda_layer_is_refused_and_not_run(tmp_path: Path, witness: Path) -> None:
    x = keras.Input((3,))

    def payload(value: Any) -> Any:
        open(os.environ["BITWRIGHT_TEST_WITNESS"], "w").close()
        return value

    path = tmp_path / "evil.keras"
    keras.Model(x, dense(2)(kl.Lambda(payload, output_shape=(3,))(quantized(x)))).save(path)
    witness.unlink(missing_ok=True)
    assert "without Lambda layers" in refused(path, witness).remedy


TARGETS = [
    {"module": "os", "class_name": "system", "config": "touch $BITWRIGHT_TEST_WITNESS"},
    {"module": "builtins", "class_name": "exec", "config": {"name": "x"}},
    {"module": "subprocess", "class_name": "Popen", "config": {"args": ["touch", "witness"]}},
    {"module": "keras.utils", "class_name": "get_file", "config": {"fname": "x", "origin": "file:///etc/passwd"}},
    {"module": "tests.no_such_module", "class_name": "Layer", "config": {}},
    {"module": "evil_module", "class_name": "Evil", "config": {}},
]


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t['module']}.{t['class_name']}")
def test_a_class_from_anywhere_is_refused_and_not_imported(
    target: dict[str, Any], sound: Path, witness: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = witness.parent / "evil_module.py"
    module.write_text(f"import os\nopen(os.environ[{WITNESS!r}], 'w').close()\nclass Evil: pass\n")
    monkeypatch.syspath_prepend(str(module.parent))

    def change(config: Any) -> None:
        layer = config["config"]["layers"][2]
        layer.update(target, registered_name=target["class_name"])

    refused(with_config(sound, change), witness)
    assert "evil_module" not in sys.modules


def test_an_initializer_from_anywhere_is_refused_and_not_imported(
    sound: Path, witness: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = witness.parent / "evil_module.py"
    module.write_text(f"import os\nopen(os.environ[{WITNESS!r}], 'w').close()\nclass Evil: pass\n")
    monkeypatch.syspath_prepend(str(module.parent))

    def change(config: Any) -> None:
        layer = config["config"]["layers"][2]["config"]
        evil = {"module": "evil_module", "class_name": "Evil", "config": {}, "registered_name": "Evil"}
        layer["bias_initializer"] = evil
        layer["kernel_quantizer"] = evil

    refused(with_config(sound, change), witness)
    assert "evil_module" not in sys.modules


def test_quantizer_strings_in_a_file_are_parsed_not_run(sound: Path, witness: Path) -> None:
    def change(config: Any) -> None:
        call = f"__import__('os').system('touch {witness}')"
        config["config"]["layers"][2]["config"]["kernel_quantizer"] = call

    refused(with_config(sound, change), witness)


@pytest.mark.parametrize("name", ["../escaped", "/tmp/bitwright_escaped", "assets/../../escaped", "..\\escaped"])
def test_members_that_leave_the_archive_write_nothing(name: str, sound: Path, tmp_path: Path) -> None:
    def change(members: dict[str, bytes]) -> None:
        members[name] = b"escaped"

    before = {p for p in tmp_path.parent.glob("*")}
    path = rewritten(sound, change)
    with suppress(InvalidModel, Unsupported):  # Keras reads some: what counts is that nothing lands outside
        bw.compile(path)
    assert {p for p in tmp_path.parent.glob("*")} == before
    assert not Path("/tmp/bitwright_escaped").exists()
    assert not list(Path.cwd().glob("escaped")) + list(Path.cwd().parent.glob("escaped"))


def test_pickles_in_the_place_of_weights_are_not_loaded(sound: Path, witness: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return open, (str(witness), "w")

    stream = io.BytesIO()
    np.savez(stream, evil=np.array([Evil()], dtype=object))
    contents = [pickle.dumps(Evil()), stream.getvalue()]
    witness.unlink(missing_ok=True)
    for content in contents:
        refused(rewritten(sound, lambda members, c=content: members.update({"model.weights.h5": c})), witness)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95, 0.999])
def test_truncated_files_are_refused(share: float, sound: Path) -> None:
    content = sound.read_bytes()
    sound.write_bytes(content[: int(len(content) * share)])
    assert isinstance(refused(sound), InvalidModel)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04", b"\x89HDF\r\n\x1a\n" + bytes(100), b"{}"])
def test_files_that_are_no_archive_are_refused(content: bytes, sound: Path) -> None:
    sound.write_bytes(content)
    assert isinstance(refused(sound), InvalidModel)


@pytest.mark.parametrize(
    "members",
    [
        {}, {"config.json": b"{}"}, {"config.json": b"not json"}, {"config.json": b"[1, 2]"},
        {"config.json": b'{"class_name": "Functional"}', "metadata.json": b"{}"},
        {"config.json": b"[" * 100_000},
    ],
)  # fmt: skip
def test_archives_without_a_model_are_refused(members: dict[str, bytes], sound: Path) -> None:
    def change(found: dict[str, bytes]) -> None:
        found.clear()
        found.update(members)

    refused(rewritten(sound, change))


def test_weights_of_another_shape_are_refused(sound: Path, tmp_path: Path) -> None:
    x = keras.Input((3,), name="x")
    other = tmp_path / "other.keras"
    randomize(keras.Model(x, dense(7, "hidden")(quantized(x, name="entry")))).save(other)
    with zipfile.ZipFile(other) as archive:
        weights = archive.read("model.weights.h5")
    refused(rewritten(sound, lambda members: members.update({"model.weights.h5": weights})))


def test_files_that_are_not_there_or_of_another_kind_are_named(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "gone.keras").what
    old = tmp_path / "old.h5"
    old.write_bytes(b"")
    assert ".keras" in refused(old).remedy
    assert refused(tmp_path)


def test_a_saved_model_predicts_the_same_bits_in_a_new_process(tmp_path: Path) -> None:
    reopened(tmp_path)


@pytest.mark.backend
def test_a_saved_model_predicts_the_same_bits_in_a_new_process_on_this_backend(tmp_path: Path) -> None:
    reopened(tmp_path)


READ = """
import sys, numpy as np, bitwright as bw
from bitwright.frontends.keras import load_model
model = load_model(sys.argv[1])
x = np.load(sys.argv[2])
design = bw.compile(sys.argv[1], clock_mhz=400.0)
np.savez(sys.argv[3], keras=model.predict(x, verbose=0), ours=design.predict(x), codes=design.predict_codes(x))
print(design.source.digest())
"""


def reopened(folder: Path) -> None:
    x = keras.Input((4, 4, 2), name="x")
    y = bw.QConv2D(3, 2, kernel_quantizer="quantized_bits(4,0,alpha='auto')", name="conv")(quantized(x))
    y = kl.BatchNormalization(name="bn")(y)
    y = kl.Flatten()(bw.QActivation("quantized_relu(4,1)", name="act")(y))
    model = randomize(keras.Model(x, dense(3, "out")(y), name="stored"))
    (given,) = inputs_for(model, 200)
    model.save(folder / "stored.keras")
    np.save(folder / "x.npy", given)
    names = [str(folder / name) for name in ("stored.keras", "x.npy", "y.npz")]
    environment = {**os.environ, "KERAS_BACKEND": keras.backend.backend()}
    command = [sys.executable, "-c", READ, *names]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    design = bw.compile(model, clock_mhz=400.0)
    with np.load(folder / "y.npz", allow_pickle=False) as found:
        assert np.array_equal(found["keras"], model.predict(given, verbose=0))
        assert np.array_equal(found["ours"], design.predict(given))
        assert np.array_equal(found["codes"], design.predict_codes(given))
    assert done.stdout.split()[-1] == design.source.digest()
    assert load_model(folder / "stored.keras").name == "stored"
