// The Python face of the native module: arrays in, arrays out, the GIL released in between.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "adder_graph.hpp"
#include "chain_module.hpp"
#include "interpreter_module.hpp"
#include "pipeline_module.hpp"
#include "sum_graph_module.hpp"
#include "table_sums_module.hpp"
#include "timetable_module.hpp"

namespace nb = nanobind;

namespace {

using Matrix = nb::ndarray<const std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Vector = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Table = nb::ndarray<nb::numpy, std::int64_t, nb::ndim<2>>;

template <class Item, class Fill>
Table table(const std::vector<Item>& items, std::size_t width, Fill fill) {
    auto data = std::make_unique<std::int64_t[]>(items.size() * width + 1);
    for (std::size_t i = 0; i < items.size(); ++i) fill(items[i], data.get() + i * width);
    nb::capsule owner(data.get(), [](void* memory) noexcept { delete[] static_cast<std::int64_t*>(memory); });
    return Table(data.release(), {items.size(), width}, owner);
}

std::pair<Table, Table> adder_graph(const Matrix& matrix, const Vector& low, const Vector& high,
                                    std::int64_t max_depth, std::int64_t pair_limit) {
    constexpr std::size_t limit = 1 << 26;
    const std::size_t inputs = matrix.shape(0);
    const std::size_t outputs = matrix.shape(1);
    if (low.shape(0) != inputs || high.shape(0) != inputs)
        throw std::invalid_argument("one interval per row is needed");
    if (inputs > limit || outputs > limit) throw std::invalid_argument("more than 2^26 rows or columns");
    bitwright::AdderGraph graph;
    {
        const nb::gil_scoped_release unlocked;
        graph = bitwright::adder_graph(matrix.data(), low.data(), high.data(), static_cast<int>(inputs),
                                       static_cast<int>(outputs), max_depth, pair_limit);
    }
    auto nodes = table(graph.nodes, 5, [](const bitwright::Graph::Row& row, std::int64_t* out) {
        const std::int64_t fields[] = {row.a, row.shift_a, row.b, row.shift_b, row.sign};
        std::copy(std::begin(fields), std::end(fields), out);
    });
    auto roots = table(graph.outputs, 3, [](const bitwright::Term& term, std::int64_t* out) {
        const std::int64_t fields[] = {term.node, term.shift, term.sign};
        std::copy(std::begin(fields), std::end(fields), out);
    });
    return {std::move(nodes), std::move(roots)};
}

}  // namespace

NB_MODULE(_native, module) {
    module.doc() = "What must be fast and cannot be numpy; bitwright.core.twin is the same in Python.";
    bind_interpreter(module);
    module.def("adder_graph", &adder_graph, nb::arg("matrix").noconvert(), nb::arg("low").noconvert(),
               nb::arg("high").noconvert(), nb::arg("max_depth") = -1, nb::arg("pair_limit") = std::int64_t{1} << 26,
               "Shared shift-and-add graph of matrix.T @ x; see bitwright.core.twin.adder_graph.");
    bind_chain(module);
    bind_sum_graph(module);
    bind_table_sums(module);
    bind_pipeline(module);
    bind_timetable(module);
}
