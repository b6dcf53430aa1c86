// `Model` over Verilator's class for the wrapper module. Compiled with VL_USER_FATAL, VL_USER_FINISH,
// VL_USER_STOP and VL_USER_WARN: Verilator's own handlers would end the whole process, or go on without a
// memory image that is not there.

#pragma once

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "Vmodel.h"
#include "verilated.h"

struct Model {
    VerilatedContext context;
    Vmodel top{&context, "BitwrightSimtop"};

    void clock(bool high) { top.clk = high; }
    void settle() { top.eval(); }
    ~Model() { top.final(); }
};

#define PORT(model, name) (model).top.name

// Verilator's ports are 8, 16, 32 or 64 bits or an array of 32-bit words; none is longer than the row's words.
template <class Port>
void load(Port& port, const uint32_t* words) {
    std::memcpy(&port, words, sizeof(port));
}

template <class Port>
void store(const Port& port, uint32_t* words) {
    if (sizeof(port) < sizeof(*words)) *words = 0;
    std::memcpy(words, &port, sizeof(port));
}

inline void stopped(const char* what, const char* file, int line, const char* why) {
    throw std::runtime_error(std::string(what) + " at " + file + ":" + std::to_string(line) + " " + why);
}

void vl_fatal(const char* file, int line, const char*, const char* message) { stopped("fatal", file, line, message); }
void vl_finish(const char* file, int line, const char*) { stopped("$finish", file, line, ""); }
void vl_stop(const char* file, int line, const char*) { stopped("$stop", file, line, ""); }
void vl_warn(const char* file, int line, const char*, const char* message) { stopped("warning", file, line, message); }
