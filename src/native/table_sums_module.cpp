// The Python face of table_sums.hpp.

#include "table_sums_module.hpp"

#include <nanobind/ndarray.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>

#include "table_sums.hpp"

namespace nb = nanobind;

namespace {

using Codes = nb::ndarray<const std::uint8_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Rows = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Row = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Tables = nb::ndarray<const float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using RowsOut = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using TablesOut = nb::ndarray<float, nb::ndim<3>, nb::c_contig, nb::device::cpu>;

void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

template <class Array>
bitwright::TableShape shape_of(const Codes& codes, const Array& tables) {
    require(tables.shape(0) == codes.shape(1), "one table an input is needed");
    require(tables.shape(2) % bitwright::kLanes == 0, "rows are padded to multiples of 8");
    return {codes.shape(0), codes.shape(1), tables.shape(1), tables.shape(2)};
}

void refuse_codes(const Codes& codes, std::size_t size) {
    const std::uint8_t* end = codes.data() + codes.size();
    require(size > 255 || std::all_of(codes.data(), end, [size](std::uint8_t code) { return code < size; }),
            "a code lies beside the tables");
}

void sums(const Codes& codes, const Tables& tables, const Row& start, const RowsOut& out) {
    const auto shape = shape_of(codes, tables);
    require(start.shape(0) == shape.width && out.shape(0) == shape.batch && out.shape(1) == shape.width,
            "the sums are as wide as the tables");
    const nb::gil_scoped_release unlocked;
    refuse_codes(codes, shape.size);
    bitwright::table_sums(shape, codes.data(), tables.data(), start.data(), out.data());
}

void counts(const Codes& codes, const Rows& flow, const TablesOut& out) {
    const auto shape = shape_of(codes, out);
    require(flow.shape(0) == shape.batch && flow.shape(1) == shape.width, "the flow is as wide as the tables");
    const nb::gil_scoped_release unlocked;
    refuse_codes(codes, shape.size);
    bitwright::table_counts(shape, codes.data(), flow.data(), out.data());
}

void rises(const Codes& codes, const Tables& slopes, const Rows& flow, const RowsOut& out) {
    const auto shape = shape_of(codes, slopes);
    require(flow.shape(0) == shape.batch && flow.shape(1) == shape.width, "the flow is as wide as the tables");
    require(out.shape(0) == shape.batch && out.shape(1) == shape.inputs, "a rise an input is given");
    const nb::gil_scoped_release unlocked;
    refuse_codes(codes, shape.size);
    bitwright::table_rises(shape, codes.data(), slopes.data(), flow.data(), out.data());
}

}  // namespace

void bind_table_sums(nb::module_& module) {
    module.def("table_sums", &sums, nb::arg("codes").noconvert(), nb::arg("tables").noconvert(),
               nb::arg("start").noconvert(), nb::arg("out").noconvert(), "Sums of looked-up rows into `out`.");
    module.def("table_counts", &counts, nb::arg("codes").noconvert(), nb::arg("flow").noconvert(),
               nb::arg("out").noconvert(), "What flows into each row, added to `out`.");
    module.def("table_rises", &rises, nb::arg("codes").noconvert(), nb::arg("slopes").noconvert(),
               nb::arg("flow").noconvert(), nb::arg("out").noconvert(), "What flows into each input, into `out`.");
}
