// The bridge between Python and a simulated module, the same for every simulator.
//
// `model.h` (one per simulator) gives `Model` with `clock(bool)` and `settle()`, the macro PORT(model, name)
// and overloads of `load(port, words)` and `store(port, words)`. `ports.h` is generated and lists the ports
// of the wrapper module: INPUTS(P) and OUTPUTS(P) expand to P(index, name, words) for each.
//
// A row is one clock cycle: inputs are set, the module settles with its clock low, outputs are sampled, then
// the clock rises. Rows hold little-endian 32-bit words, so this file needs a little-endian machine.

#include <cstdint>
#include <cstring>
#include <exception>
#include <string>

#include "model.h"
#include "ports.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "rows of words are copied as bytes");

namespace {

struct Session {
    Model model;
    std::string error;
};

void cycle(Model& model, int64_t row, const uint32_t* const* inputs, uint32_t* const* outputs) {
    // A null pointer means: the input keeps its value, the output is not wanted.
#define LOAD(index, name, words) \
    if (inputs[index]) load(PORT(model, name), inputs[index] + row * (words));
    INPUTS(LOAD)
#undef LOAD
    model.clock(false);
    model.settle();
#define STORE(index, name, words) \
    if (outputs[index]) store(PORT(model, name), outputs[index] + row * (words));
    OUTPUTS(STORE)
#undef STORE
    model.clock(true);
    model.settle();
}

}  // namespace

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED void* bitwright_open() {
    try {
        return new Session();
    } catch (...) {
        return nullptr;
    }
}

EXPORTED void bitwright_close(void* handle) { delete static_cast<Session*>(handle); }

EXPORTED const char* bitwright_error(void* handle) { return static_cast<Session*>(handle)->error.c_str(); }

// Runs `rows` cycles and returns how many were completed; fewer means that bitwright_error() says why.
EXPORTED int64_t bitwright_run(void* handle, int64_t rows, const uint32_t* const* inputs, uint32_t* const* outputs) {
    Session& session = *static_cast<Session*>(handle);
    int64_t row = 0;
    try {
        for (; row < rows; ++row) cycle(session.model, row, inputs, outputs);
    } catch (const std::exception& error) {
        session.error = error.what();
    } catch (...) {
        session.error = "unknown exception";
    }
    return row;
}
