// `Model` over the class that yosys's write_cxxrtl generates for the wrapper module.

#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>

#include "generated.cc"

struct Model {
    cxxrtl_design::p_BitwrightSimtop top;

    void clock(bool high) { top.p_clk.data[0] = high; }

    // The generated step() would go round a combinational loop forever.
    void settle() {
        for (int round = 0; round < 1000; ++round) {
            const bool settled = top.eval();
            if (!top.commit() || settled) return;
        }
        throw std::runtime_error("the design did not converge");
    }
};

#define PORT(model, name) (model).top.p_##name

// A port is a plain value, or a wire (two values) where a register drives it.
template <size_t Bits>
void load(cxxrtl::value<Bits>& port, const uint32_t* words) {
    std::memcpy(port.data, words, sizeof(port.data));
}

template <size_t Bits>
void store(const cxxrtl::value<Bits>& port, uint32_t* words) {
    std::memcpy(words, port.data, sizeof(port.data));
}

template <size_t Bits>
void load(cxxrtl::wire<Bits>& port, const uint32_t* words) {
    std::memcpy(port.next.data, words, sizeof(port.next.data));
}

template <size_t Bits>
void store(const cxxrtl::wire<Bits>& port, uint32_t* words) {
    store(port.curr, words);
}
