"""Networks of the zoo: HLS C++ of every architecture and the emulator, compiled; what is too large is refused."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from tests.tools.emulators import STRICT, build, case, differing
from tests.tools.hls_programs import build_and_run

from bitwright.core.errors import BitwrightError, Unsupported
from bitwright.flow.hls import Hls, hls_files
from bitwright.flow.hls_size import check_size

FORMS = {"latency": "parallel", "resource": "parallel", "dataflow": "dataflow", "engine": "engine"}
# The others have millions of weights too: it takes minutes to read them, and every form is refused.
SMALL = ("anomaly_autoencoder", "autoencoder", "ds_cnn", "gru", "jet_tagger", "kws_mlp", "lstm", "resnet18_block",
         "resnet8", "sfc", "svhn_cnn", "tfc")  # fmt: skip
HUGE = ("cnv", "lfc")
SANITIZED = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@lru_cache(maxsize=1)
def model(name: str) -> Any:
    from bitwright.train.zoo import build as built

    return built(name)


def design(name: str, architecture: str) -> Any:
    from bitwright.flow.compiling import compile_model

    return compile_model(model(name), architecture=architecture, name=name, device="xcvu9p")


def written(name: str, form: str) -> Any:
    """The project, or None where it is refused by name before anything is compiled."""
    made = design(name, FORMS[form])
    loops = Hls("catapult", strategy="resource", reuse_factor=4)
    options = loops if form == "resource" else Hls("catapult")
    try:
        return hls_files(made, options, vectors=2)
    except BitwrightError:
        return None


@pytest.mark.tool("g++")
@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SMALL)
def test_a_network_that_is_admitted_gives_the_graphs_integers(name: str, form: str, tmp_path: Path) -> None:
    made = written(name, form)
    if made is None:
        assert (name, form) not in {("jet_tagger", f) for f in FORMS} | {("svhn_cnn", "dataflow"), ("tfc", "engine")}
        return
    assert build_and_run([made], tmp_path, "-DBW_SIMULATION") == f"{made.top}: 2 vectors, 0 numbers differ\n"


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", HUGE)
def test_a_network_that_is_too_large_is_refused_with_what_fits(name: str, form: str) -> None:
    words = "strategy='resource'" if form == "latency" else "weights in headers(.|\n)*engine_memory"
    with pytest.raises(Unsupported, match=words):
        check_size(design(name, FORMS[form]), "resource" if form == "resource" else "latency")


@pytest.mark.tool("g++")
@pytest.mark.long
@pytest.mark.parametrize("compiler", ["g++", pytest.param("clang++", marks=pytest.mark.tool("clang++"))])
@pytest.mark.parametrize("name", SMALL)
def test_the_emulator_of_a_network_gives_the_graphs_integers(name: str, compiler: str, tmp_path: Path) -> None:
    made = [case(design(name, "parallel").graph, name, samples=3)]
    assert differing(made, build(made, tmp_path, [compiler, *STRICT, *SANITIZED])) == ""


def test_the_zoo_is_known_here() -> None:
    from bitwright.train.zoo import names

    assert set(SMALL) | set(HUGE) <= set(names())
