// The Python face of the interpreter: arrays in, arrays out, the GIL released in between.
#include "interpreter_module.hpp"

#include <nanobind/ndarray.h>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>

#include "interpreter.hpp"

namespace nb = nanobind;

namespace {

template <std::size_t Rank>
using Given = nb::ndarray<const std::int64_t, nb::ndim<Rank>, nb::c_contig, nb::device::cpu>;
using Filled = nb::ndarray<std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

constexpr std::size_t kColumns = 10;

std::int32_t narrow(std::int64_t value) {
    using Limits = std::numeric_limits<std::int32_t>;
    if (value < Limits::min() || value > Limits::max()) throw std::invalid_argument("a position exceeds 32 bits");
    return static_cast<std::int32_t>(value);
}

bitwright::Step step(const std::int64_t* row) {
    return {static_cast<bitwright::Instruction>(narrow(row[0])),
            0,
            {narrow(row[1]), narrow(row[2]), narrow(row[3])},
            {narrow(row[4]), narrow(row[5]), narrow(row[6])},
            row[7],
            row[8],
            row[9]};
}

bitwright::Code code(const Given<2>& steps, const Given<1>& tables, const Given<1>& numbers, const Given<2>& entries,
                     const Given<1>& exits, int lane_bits) {
    if (steps.shape(1) != kColumns || entries.shape(1) != 2) throw std::invalid_argument("rows of another width");
    bitwright::Code made;
    made.steps.reserve(steps.shape(0));
    for (std::size_t i = 0; i < steps.shape(0); ++i) made.steps.push_back(step(steps.data() + i * kColumns));
    made.tables.assign(tables.data(), tables.data() + tables.shape(0));
    made.numbers.assign(numbers.data(), numbers.data() + numbers.shape(0));
    for (std::size_t i = 0; i < entries.shape(0); ++i)
        made.entries.push_back({entries.data()[i * 2], entries.data()[i * 2 + 1]});
    for (std::size_t i = 0; i < exits.shape(0); ++i) made.exits.push_back(narrow(exits.data()[i]));
    made.lane_bits = lane_bits;
    return made;
}

void run(const bitwright::Interpreter& interpreter, const Given<2>& inputs, Filled& outputs) {
    if (inputs.shape(1) != interpreter.entries() || outputs.shape(1) != interpreter.exits() ||
        inputs.shape(0) != outputs.shape(0))
        throw std::invalid_argument("arrays of another shape");
    const nb::gil_scoped_release unlocked;
    interpreter.run(inputs.data(), outputs.data(), inputs.shape(0));
}

}  // namespace

void bind_interpreter(nb::module_& module) {
    nb::class_<bitwright::Interpreter>(module, "Interpreter", "See bitwright.core.twin.interpreter.Interpreter.")
        .def(
            "__init__",
            [](bitwright::Interpreter* self, const Given<2>& steps, const Given<1>& tables, const Given<1>& numbers,
               const Given<2>& entries, const Given<1>& exits, int lane_bits) {
                new (self) bitwright::Interpreter(code(steps, tables, numbers, entries, exits, lane_bits));
            },
            nb::arg("steps").noconvert(), nb::arg("tables").noconvert(), nb::arg("numbers").noconvert(),
            nb::arg("entries").noconvert(), nb::arg("exits").noconvert(), nb::arg("lane_bits"))
        .def("run", &run, nb::arg("inputs").noconvert(), nb::arg("outputs").noconvert())
        .def_prop_ro("slots", &bitwright::Interpreter::slots);
}
