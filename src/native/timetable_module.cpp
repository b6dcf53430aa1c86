// The Python face of timetable.hpp.

#include "timetable_module.hpp"

#include <nanobind/ndarray.h>
#include <nanobind/stl/tuple.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <tuple>
#include <vector>

#include "timetable.hpp"

namespace nb = nanobind;

namespace {

using Matrix = nb::ndarray<const std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Vector = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Numbers = nb::ndarray<nb::numpy, std::int64_t, nb::ndim<1>>;

std::int64_t index_of(std::int64_t value, std::size_t end) {
    if (value < 0 || value >= static_cast<std::int64_t>(end)) throw std::invalid_argument("no such process or list");
    return value;
}

// A row of `rules` is (process, its list, source, the source's list, shift, delay); list i is
// entries[bounds[i]:bounds[i + 1]].
bitwright::WaitSystem system_of(const Vector& steps, const Vector& entries, const Vector& bounds, const Matrix& rules) {
    bitwright::WaitSystem system;
    system.steps.assign(steps.data(), steps.data() + steps.shape(0));
    for (const std::int64_t count : system.steps)
        if (count < 1) throw std::invalid_argument("a process without steps");
    const std::size_t lists = bounds.shape(0) - 1;
    for (std::size_t i = 0; i < lists; ++i)
        if (bounds(i) < 0 || bounds(i) > bounds(i + 1)) throw std::invalid_argument("lists out of order");
    if (bounds(lists) > static_cast<std::int64_t>(entries.shape(0))) throw std::invalid_argument("lists out of order");
    for (std::size_t i = 0; i < rules.shape(0); ++i) {
        const std::int64_t wanting = index_of(rules(i, 1), lists), given = index_of(rules(i, 3), lists);
        bitwright::WaitRule rule;
        rule.process = static_cast<std::int32_t>(index_of(rules(i, 0), system.steps.size()));
        rule.source = static_cast<std::int32_t>(index_of(rules(i, 2), system.steps.size()));
        rule.wanting = entries.data() + bounds(wanting);
        rule.given = entries.data() + bounds(given);
        rule.length = bounds(wanting + 1) - bounds(wanting);
        if (rule.length != bounds(given + 1) - bounds(given)) throw std::invalid_argument("lists of unequal length");
        rule.shift = rules(i, 4);
        rule.delay = rules(i, 5);
        system.rules.push_back(rule);
    }
    return system;
}

Numbers array_of(std::size_t size, const std::vector<std::vector<std::int64_t>>& parts) {
    auto data = std::make_unique<std::int64_t[]>(size + 1);
    std::int64_t* out = data.get();
    for (const auto& part : parts) out = std::copy(part.begin(), part.end(), out);
    nb::capsule owner(data.get(), [](void* memory) noexcept { delete[] static_cast<std::int64_t*>(memory); });
    return {data.release(), {size}, owner};
}

std::tuple<Numbers, Numbers, Numbers> settle(const Vector& steps, const Vector& entries, const Vector& bounds,
                                             const Matrix& rules, const Vector& latest, std::int64_t period,
                                             std::int64_t frames, std::int64_t most_frames, bool keep) {
    if (bounds.shape(0) < 1 || rules.shape(1) != 6 || latest.shape(0) != steps.shape(0))
        throw std::invalid_argument("arrays of other shapes are needed");
    if (period < 0 || frames < 1 || most_frames < 1) throw std::invalid_argument("no such pace");
    const auto system = system_of(steps, entries, bounds, rules);
    bitwright::Pace pace;
    pace.period = period;
    pace.frames = frames;
    pace.latest.assign(latest.data(), latest.data() + latest.shape(0));
    pace.most_frames = most_frames;
    bitwright::Settled found;
    {
        const nb::gil_scoped_release unlocked;
        found = bitwright::settle(system, pace);
    }
    if (!keep) found.times.clear();
    std::size_t size = 0;
    for (const auto& part : found.times) size += part.size();
    const std::vector<std::int64_t> facts{static_cast<std::int64_t>(found.verdict), found.frames, found.circuit_cycles,
                                          found.circuit_frames, found.circuit_process};
    return {array_of(facts.size(), {facts}), array_of(found.blocked.size(), {found.blocked}),
            array_of(size, found.times)};
}

}  // namespace

void bind_timetable(nb::module_& module) {
    module.def("settle", &settle, nb::arg("steps").noconvert(), nb::arg("entries").noconvert(),
               nb::arg("bounds").noconvert(), nb::arg("rules").noconvert(), nb::arg("latest").noconvert(),
               nb::arg("period"), nb::arg("frames"), nb::arg("most_frames"), nb::arg("keep"),
               "The smallest solution of a system of waits; see bitwright.core.timetable.");
}
