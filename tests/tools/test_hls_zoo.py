"""Networks of the zoo: HLS C++ of every architecture and the emulator, compiled; what is too large is refused."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.tools.emulators import STRICT, build, case, differing
from tests.tools.hls_programs import build_and_run

from bitwright.core.errors import BitwrightError, Unsupported
from bitwright.flow.designing import designed
from bitwright.flow.hls import Hls, hls_files
from bitwright.flow.hls_size import check_size, predicted_size
from bitwright.flow.importing import Built, Imported, graphs_of, imported
from bitwright.flow.options import Options

FORMS = {"latency": "parallel", "resource": "parallel", "dataflow": "dataflow", "engine": "engine"}
ADMITTED = ("anomaly_autoencoder", "autoencoder", "cnv", "ds_cnn", "gru", "jet_tagger", "kws_mlp", "lfc", "lstm",
            "resnet18_block", "resnet8", "sfc", "svhn_cnn", "tfc")  # fmt: skip
REFUSED = ("mobilenet_v1", "resnet18")
"""Too many weights in every form: read for small images, whose convolutions have the same weights."""
REFUSALS = {
    "latency": "strategy='resource'",
    "resource": (headers := "weights in headers(.|\n)*engine_memory"),
    "dataflow": headers,
    "engine": "layer 'mean_act': totals of (.|\n)*share one shift(.|\n)*try: use power-of-two scales",
}
"""As engines these two are refused before their size is asked for: their batch norms have scales of 24 bits."""
SHAPED = ("dorefa_alexnet", "tincy_yolo")
"""The same; their weights (61 and 6 million) are drawn to the shapes, since reading them takes gigabytes."""
WRITTEN = {("jet_tagger", form) for form in FORMS} | {
    *(("svhn_cnn", "dataflow"), ("tfc", "engine")),
    *(("cnv", "resource"), ("cnv", "dataflow"), ("lfc", "resource"), ("lfc", "dataflow"), ("lfc", "engine")),
}
"""Of the admitted ones, forms that must not be refused."""
SANITIZED = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@lru_cache(maxsize=1)
def built(name: str) -> Built:
    from bitwright.train.zoo import build as zoo_model

    options = Options.of({"name": name})
    if name not in REFUSED:
        return graphs_of(imported(zoo_model(name), options), options)
    from bitwright.frontends.keras import read_model

    small = zoo_model(name, size=32)
    return graphs_of(Imported(read_model(small, name=name), small, ""), options)  # only counted, so not compared


def design(name: str, architecture: str) -> Any:
    return designed(built(name), Options.of({"name": name, "device": "xcvu9p", "architecture": architecture}))


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
@pytest.mark.parametrize("name", ADMITTED)
def test_a_network_that_is_admitted_gives_the_graphs_integers(name: str, form: str, tmp_path: Path) -> None:
    made = written(name, form)
    if made is None:
        assert (name, form) not in WRITTEN
        return
    assert build_and_run([made], tmp_path, "-DBW_SIMULATION") == f"{made.top}: 2 vectors, 0 numbers differ\n"


@pytest.mark.long
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", REFUSED)
def test_a_network_that_is_too_large_is_refused_with_what_fits(name: str, form: str) -> None:
    with pytest.raises(Unsupported, match=REFUSALS[form]):
        check_size(design(name, FORMS[form]), "resource" if form == "resource" else "latency")


@pytest.mark.long
@pytest.mark.parametrize("name", SHAPED)
def test_a_chain_that_is_too_large_is_refused_by_its_shapes(name: str) -> None:
    from benchmarks._shaped import shaped_graph
    from benchmarks.offload import layers_of

    from bitwright.train.zoo import build as zoo_model
    from bitwright.train.zoo import operations

    network = zoo_model(name)
    made: Any = SimpleNamespace(graph=shaped_graph(name, layers_of(network)), name=name)
    assert predicted_size(made, "resource").constants == operations(network).weights
    for strategy, words in (("latency", "strategy='resource'"), ("resource", "engine_memory")):
        with pytest.raises(Unsupported, match=words):
            check_size(made, strategy)


@pytest.mark.tool("g++")
@pytest.mark.long
@pytest.mark.parametrize("compiler", ["g++", pytest.param("clang++", marks=pytest.mark.tool("clang++"))])
@pytest.mark.parametrize("name", ADMITTED)
def test_the_emulator_of_a_network_gives_the_graphs_integers(name: str, compiler: str, tmp_path: Path) -> None:
    made = [case(design(name, "parallel").graph, name, samples=3)]
    assert differing(made, build(made, tmp_path, [compiler, *STRICT, *SANITIZED])) == ""


def test_every_network_of_the_zoo_is_admitted_or_refused_here() -> None:
    from bitwright.train.zoo import names

    assert sorted((*ADMITTED, *REFUSED, *SHAPED)) == sorted(names())
