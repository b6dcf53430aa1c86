#include "sum_graph_module.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <utility>
#include <vector>

#include "sum_graph.hpp"

namespace nb = nanobind;

namespace {

using Matrix = nb::ndarray<const std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Vector = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Table = nb::ndarray<nb::numpy, std::int64_t, nb::ndim<2>>;

void write(const bitwright::Term& term, std::int64_t* out) {
    out[0] = term.node;
    out[1] = term.shift;
    out[2] = term.sign;
}

Table table_of(std::unique_ptr<std::int64_t[]> data, std::size_t rows, std::size_t width) {
    nb::capsule owner(data.get(), [](void* memory) noexcept { delete[] static_cast<std::int64_t*>(memory); });
    return Table(data.release(), {rows, width}, owner);
}

std::tuple<Table, Table, std::int64_t, std::int64_t> sum_graph(const Matrix& matrix, const Vector& low,
                                                               const Vector& high, std::int64_t max_depth,
                                                               std::int64_t rounds, double budget_s,
                                                               std::int64_t seed) {
    constexpr std::size_t limit = 1 << 24;
    const std::size_t inputs = matrix.shape(0);
    const std::size_t outputs = matrix.shape(1);
    if (low.shape(0) != inputs || high.shape(0) != inputs)
        throw std::invalid_argument("one interval per row is needed");
    if (inputs > limit || outputs > limit) throw std::invalid_argument("more than 2^24 rows or columns");
    bitwright::SearchOptions options;
    options.rounds = rounds;
    options.budget_s = budget_s;
    options.seed = static_cast<std::uint64_t>(seed);
    bitwright::SumGraph graph;
    {
        const nb::gil_scoped_release unlocked;
        graph = bitwright::sum_graph(matrix.data(), low.data(), high.data(), static_cast<int>(inputs),
                                     static_cast<int>(outputs), max_depth, options);
    }
    auto nodes = std::make_unique<std::int64_t[]>(graph.nodes.size() * 9 + 1);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
        for (std::size_t j = 0; j < 3; ++j) write(graph.nodes[i].addends[j], nodes.get() + i * 9 + j * 3);
    }
    auto roots = std::make_unique<std::int64_t[]>(graph.outputs.size() * 3 + 1);
    for (std::size_t i = 0; i < graph.outputs.size(); ++i) write(graph.outputs[i], roots.get() + i * 3);
    return {table_of(std::move(nodes), graph.nodes.size(), 9), table_of(std::move(roots), graph.outputs.size(), 3),
            graph.rounds, graph.cost};
}

}  // namespace

void bind_sum_graph(nb::module_& module) {
    module.def("sum_graph", &sum_graph, nb::arg("matrix").noconvert(), nb::arg("low").noconvert(),
               nb::arg("high").noconvert(), nb::arg("max_depth"), nb::arg("rounds"), nb::arg("budget_s"),
               nb::arg("seed"), "Shared sums of up to three addends; see bitwright.core.sum_graph.");
}
