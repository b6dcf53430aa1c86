// Executes a flat program of integer words over many samples.
//
// A live word has a slot; a slot holds a block of samples side by side, so that every instruction is a loop
// without branches over the block. Words are computed modulo the lane: exact as long as the word itself fits,
// which whoever flattens a program proves.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "interpreter_kernels.hpp"

namespace bitwright {

// Words are numbered: the entries, then the numbers, then the steps, whose `target` is not read and whose
// `args` are words that come before.
struct Code {
    std::vector<Step> steps;
    std::vector<std::int64_t> tables;
    std::vector<std::int64_t> numbers;
    std::vector<Entry> entries;
    std::vector<std::int32_t> exits;
    int lane_bits = 64;
};

class Interpreter {
  public:
    // Throws std::invalid_argument if `code` reads words that do not come before or beside its tables.
    explicit Interpreter(Code code);

    // `inputs` is (batch, entries), `outputs` (batch, exits), both row-major. Throws std::overflow_error if a
    // code lies outside its entry's range, std::out_of_range if a table has no entry for a word. Thread-safe.
    void run(const std::int64_t* inputs, std::int64_t* outputs, std::size_t batch) const;

    std::size_t entries() const { return code_.entries.size(); }
    std::size_t exits() const { return code_.exits.size(); }
    // Words that are held at once, at most.
    std::size_t slots() const { return slots_; }

  private:
    template <class Lane>
    void run_lanes(const Kernels<Lane>& kernels, const std::vector<Lane>& tables, const std::int64_t* inputs,
                   std::int64_t* outputs, std::size_t batch) const;
    template <class Lane>
    void load(const Kernels<Lane>& kernels, const std::int64_t* inputs, Lane* words, std::size_t lanes,
              std::size_t count) const;
    template <class Lane>
    void load_rest(const std::int64_t* inputs, Lane* words, std::size_t lanes, std::size_t first,
                   std::size_t count) const;
    template <class Lane>
    void store(const Lane* words, std::int64_t* outputs, std::size_t lanes, std::size_t count) const;

    void check() const;
    void allocate();

    Code code_;
    std::size_t slots_ = 0;
    // The slot of each entry and number; -1 where nothing reads it.
    std::vector<std::int32_t> entry_slots_, number_slots_;
    std::vector<std::int16_t> narrow_tables_;
    std::vector<std::int32_t> middle_tables_;
};

}  // namespace bitwright
