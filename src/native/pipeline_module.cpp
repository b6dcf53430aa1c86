// The Python face of pipeline.hpp.

#include "pipeline_module.hpp"

#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

#include "pipeline.hpp"

namespace nb = nanobind;

namespace {

using Matrix = nb::ndarray<const std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Vector = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Levels = nb::ndarray<nb::numpy, std::int64_t, nb::ndim<1>>;

std::int32_t node_of(std::int64_t value, std::int64_t low, std::size_t end) {
    if (value < low || value >= static_cast<std::int64_t>(end)) throw std::invalid_argument("no such word");
    return static_cast<std::int32_t>(value);
}

std::vector<bitwright::Arc> arcs_of(const Matrix& rows, std::size_t words) {
    std::vector<bitwright::Arc> arcs(rows.shape(0));
    for (std::size_t i = 0; i < arcs.size(); ++i)
        arcs[i] = {node_of(rows(i, 0), 0, words), node_of(rows(i, 1), rows(i, 0) + 1, words), rows(i, 2), rows(i, 3)};
    return arcs;
}

std::vector<std::int64_t> list_of(const Vector& values) { return {values.data(), values.data() + values.shape(0)}; }

Levels vector_of(const std::vector<std::int64_t>& values) {
    auto data = std::make_unique<std::int64_t[]>(values.size() + 1);
    std::copy(values.begin(), values.end(), data.get());
    nb::capsule owner(data.get(), [](void* memory) noexcept { delete[] static_cast<std::int64_t*>(memory); });
    return {data.release(), {values.size()}, owner};
}

Levels earliest_stages(const Matrix& arcs, const Vector& tails, std::int64_t period) {
    const auto links = arcs_of(arcs, tails.shape(0));
    std::vector<std::int64_t> found;
    {
        const nb::gil_scoped_release unlocked;
        found = bitwright::earliest_stages(links, list_of(tails), period);
    }
    return vector_of(found);
}

Levels least_registers(const Matrix& arcs, const Vector& tails, const Matrix& holds, const Matrix& reads,
                       std::int64_t period, std::int64_t stages) {
    const auto words = tails.shape(0);
    const auto links = arcs_of(arcs, words);
    std::vector<bitwright::Hold> kept(holds.shape(0));
    std::vector<bitwright::Read> readers(reads.shape(0));
    for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = {node_of(holds(i, 0), 0, words), holds(i, 1)};
    for (std::size_t i = 0; i < readers.size(); ++i)
        readers[i] = {node_of(reads(i, 0), 0, kept.size()), node_of(reads(i, 1), -1, words)};
    std::vector<std::int64_t> found;
    {
        const nb::gil_scoped_release unlocked;
        found = bitwright::least_registers(links, list_of(tails), kept, readers, period, stages);
    }
    return vector_of(found);
}

}  // namespace

void bind_pipeline(nb::module_& module) {
    module.def("earliest_stages", &earliest_stages, nb::arg("arcs").noconvert(), nb::arg("tails").noconvert(),
               nb::arg("period"), "The earliest stage of every word; see bitwright.core.native.earliest_stages.");
    module.def("least_registers", &least_registers, nb::arg("arcs").noconvert(), nb::arg("tails").noconvert(),
               nb::arg("holds").noconvert(), nb::arg("reads").noconvert(), nb::arg("period"), nb::arg("stages"),
               "The stages with the fewest flip-flops; see bitwright.core.native.least_registers.");
}
