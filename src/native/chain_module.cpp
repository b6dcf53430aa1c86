// The Python face of chain.hpp.

#include "chain_module.hpp"

#include <array>
#include <cstdint>
#include <stdexcept>

#include "chain.hpp"

namespace nb = nanobind;

namespace {

nb::tuple plan_chain(const nb::tuple& shifts, const nb::tuple& signs, std::uint64_t constant, int width,
                     const nb::tuple& shapes) {
    const std::size_t count = shifts.size();
    if (count > 3 || signs.size() != count || shapes.size() != count)
        throw std::invalid_argument("up to three summands have a shift, a sign and a shape each");
    if (width < 0 || width > 63) throw std::invalid_argument("a chain has at most 63 columns");
    std::array<bitwright::Summand, 3> summands;
    for (std::size_t i = 0; i < count; ++i) {
        const auto shape = nb::cast<nb::tuple>(shapes[i]);
        auto& summand = summands[i];
        summand.shift = nb::cast<int>(shifts[i]);
        summand.bits = nb::cast<int>(shape[0]);
        if (summand.shift < 0 || summand.bits < 1) throw std::invalid_argument("a summand without bits");
        summand.flip = nb::cast<int>(signs[i]) < 0;
        summand.is_signed = nb::cast<bool>(shape[1]);
    }
    const auto found = bitwright::plan_chain(summands, static_cast<int>(count), constant, width);
    return nb::make_tuple(found.extended, found.constant, found.free, found.first, found.saved, found.luts, found.rest);
}

}  // namespace

void bind_chain(nb::module_& module) {
    module.def("plan_chain", &plan_chain, nb::arg("shifts"), nb::arg("signs"), nb::arg("constant"), nb::arg("width"),
               nb::arg("shapes"), "How a sum sits on a carry chain; see bitwright.core.twin.chain.");
}
