#include "interpreter.hpp"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace bitwright {

namespace {

// What a block of words may take: about a core's second-level cache.
constexpr std::size_t kBlockBytes = 1 << 19;
constexpr std::size_t kFewestLanes = 64;
constexpr std::size_t kMostLanes = 512;
// Columns of the inputs and outputs that are moved together: a cache line of 64-bit codes.
constexpr std::size_t kTile = 8;

const AllKernels& best_kernels() {
#ifdef BITWRIGHT_X86_KERNELS
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq"))
        return kernels_avx512();
    if (__builtin_cpu_supports("avx2")) return kernels_avx2();
#endif
    return kernels_baseline();
}

std::size_t lanes_for(std::size_t slots, std::size_t lane_bytes, std::size_t batch) {
    const std::size_t fitting = kBlockBytes / (std::max<std::size_t>(slots, 1) * lane_bytes);
    const std::size_t lanes = std::clamp(fitting / kFewestLanes * kFewestLanes, kFewestLanes, kMostLanes);
    const std::size_t needed = (std::max<std::size_t>(batch, 1) + kLaneStep - 1) / kLaneStep * kLaneStep;
    return std::min(lanes, needed);
}

int argument_count(Instruction op) {
    switch (op) {
        case Instruction::kSum30:
        case Instruction::kSum21:
        case Instruction::kSum12:
        case Instruction::kSum03:
        case Instruction::kMux:
            return 3;
        case Instruction::kSum20:
        case Instruction::kSum11:
        case Instruction::kSum02:
        case Instruction::kAtLeast:
        case Instruction::kMultiply:
            return 2;
        default:
            return 1;
    }
}

void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

// Slots that are free again are used first: they are still in the cache.
class Slots {
  public:
    std::int32_t take() {
        if (free_.empty()) return count_++;
        const std::int32_t slot = free_.back();
        free_.pop_back();
        return slot;
    }
    void give(std::int32_t slot) { free_.push_back(slot); }
    std::int32_t count() const { return count_; }

  private:
    std::vector<std::int32_t> free_;
    std::int32_t count_ = 0;
};

}  // namespace

Interpreter::Interpreter(Code code) : code_(std::move(code)) {
    check();
    allocate();
    if (code_.lane_bits == 16) narrow_tables_.assign(code_.tables.begin(), code_.tables.end());
    if (code_.lane_bits == 32) middle_tables_.assign(code_.tables.begin(), code_.tables.end());
}

void Interpreter::check() const {
    const int bits = code_.lane_bits;
    require(bits == 16 || bits == 32 || bits == 64, "lanes have 16, 32 or 64 bits");
    std::size_t known = code_.entries.size() + code_.numbers.size();
    require(known + code_.steps.size() < std::numeric_limits<std::int32_t>::max(), "more than 2^31 words");
    for (const Step& step : code_.steps) {
        require(step.op >= Instruction::kSum10 && step.op < Instruction::kCount, "no such instruction");
        for (int i = 0; i < argument_count(step.op); ++i) {
            require(step.args[i] >= 0 && static_cast<std::size_t>(step.args[i]) < known, "an argument comes later");
            require(step.shifts[i] >= 0 && step.shifts[i] < bits, "a shift leaves the lane");
        }
        ++known;
        if (step.op != Instruction::kTable) continue;
        const auto size = static_cast<std::int64_t>(code_.tables.size());
        require(step.third >= 1 && step.second >= 0 && step.third <= size && step.second <= size - step.third,
                "an instruction looks up beside the tables");
    }
    for (const std::int32_t word : code_.exits)
        require(word >= 0 && static_cast<std::size_t>(word) < known, "an output names no word");
}

// Words become slots. What nothing reads is left out; a word's slot is free after its last reader, except those
// of the outputs and of the numbers, which are written once.
void Interpreter::allocate() {
    constexpr std::int32_t never = -1;
    constexpr std::int32_t always = std::numeric_limits<std::int32_t>::max();
    const std::size_t entries = code_.entries.size(), first = entries + code_.numbers.size();
    std::vector<std::int32_t> last(first + code_.steps.size(), never);
    for (const std::int32_t word : code_.exits) last[word] = always;
    for (std::size_t i = code_.steps.size(); i-- > 0;) {
        if (last[first + i] == never) continue;
        const Step& step = code_.steps[i];
        for (int a = 0; a < argument_count(step.op); ++a)
            last[step.args[a]] = std::max(last[step.args[a]], static_cast<std::int32_t>(i));
    }
    Slots slots;
    std::vector<std::int32_t> slot(last.size(), -1);
    for (std::size_t word = 0; word < first; ++word) {
        if (last[word] == never) continue;
        slot[word] = slots.take();
        if (word >= entries) last[word] = always;
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < code_.steps.size(); ++i) {
        if (last[first + i] == never) continue;
        Step step = code_.steps[i];
        const int count = argument_count(step.op);
        std::int32_t words[3];
        std::copy(step.args, step.args + 3, words);
        for (int a = 0; a < count; ++a) step.args[a] = slot[words[a]];
        for (int a = 0; a < count; ++a) {
            if (last[words[a]] != static_cast<std::int32_t>(i)) continue;
            slots.give(slot[words[a]]);
            last[words[a]] = never;
        }
        step.target = slot[first + i] = slots.take();
        code_.steps[kept++] = step;
    }
    code_.steps.resize(kept);
    for (std::int32_t& word : code_.exits) word = slot[word];
    entry_slots_.assign(slot.begin(), slot.begin() + static_cast<std::ptrdiff_t>(entries));
    number_slots_.assign(slot.begin() + static_cast<std::ptrdiff_t>(entries),
                         slot.begin() + static_cast<std::ptrdiff_t>(first));
    slots_ = static_cast<std::size_t>(slots.count());
}

void Interpreter::run(const std::int64_t* inputs, std::int64_t* outputs, std::size_t batch) const {
    static const AllKernels& kernels = best_kernels();
    switch (code_.lane_bits) {
        case 16:
            return run_lanes(kernels.narrow, narrow_tables_, inputs, outputs, batch);
        case 32:
            return run_lanes(kernels.middle, middle_tables_, inputs, outputs, batch);
        default:
            return run_lanes(kernels.wide, code_.tables, inputs, outputs, batch);
    }
}

template <class Lane>
void Interpreter::run_lanes(const Kernels<Lane>& kernels, const std::vector<Lane>& tables, const std::int64_t* inputs,
                            std::int64_t* outputs, std::size_t batch) const {
    const std::size_t lanes = lanes_for(slots_, sizeof(Lane), batch);
    std::vector<Lane> words(slots_ * lanes);
    for (std::size_t i = 0; i < code_.numbers.size(); ++i) {
        if (number_slots_[i] >= 0)
            std::fill_n(words.data() + number_slots_[i] * lanes, lanes, static_cast<Lane>(code_.numbers[i]));
    }
    Block<Lane> block{words.data(), lanes, tables.data(), false};
    for (std::size_t start = 0; start < batch; start += lanes) {
        const std::size_t count = std::min(lanes, batch - start);
        load(kernels, inputs + start * entries(), words.data(), lanes, count);
        for (const Step& step : code_.steps) kernels.run[static_cast<std::size_t>(step.op)](step, block);
        if (block.outside) throw std::out_of_range("a word lies outside its table");
        store(words.data(), outputs + start * exits(), lanes, count);
    }
}

// A few rows at a time, so that the cache lines that a column touches are still there for the next.
template <class Lane>
void Interpreter::load(const Kernels<Lane>& kernels, const std::int64_t* inputs, Lane* words, std::size_t lanes,
                       std::size_t count) const {
    const std::size_t width = entries(), whole = count / kLaneStep * kLaneStep;
    Lane unread[kLaneStep];
    bool outside = false;
    for (std::size_t lane = 0; lane < whole; lane += kLaneStep) {
        for (std::size_t i = 0; i < width; ++i) {
            Lane* const to = entry_slots_[i] >= 0 ? words + entry_slots_[i] * lanes + lane : unread;
            outside |= kernels.load(inputs + lane * width + i, width, code_.entries[i], to);
        }
    }
    if (outside) throw std::overflow_error("a code lies outside its range");
    if (whole < lanes) load_rest(inputs, words, lanes, whole, count);
}

// The lanes beyond the last sample repeat it: whatever is in them must be a code as well.
template <class Lane>
void Interpreter::load_rest(const std::int64_t* inputs, Lane* words, std::size_t lanes, std::size_t first,
                            std::size_t count) const {
    for (std::size_t lane = first; lane < lanes; ++lane) {
        const std::int64_t* const row = inputs + std::min(lane, count - 1) * entries();
        for (std::size_t i = 0; i < entries(); ++i) {
            if (row[i] < code_.entries[i].low || row[i] > code_.entries[i].high)
                throw std::overflow_error("a code lies outside its range");
            if (entry_slots_[i] >= 0) words[entry_slots_[i] * lanes + lane] = static_cast<Lane>(row[i]);
        }
    }
}

template <class Lane>
void Interpreter::store(const Lane* words, std::int64_t* outputs, std::size_t lanes, std::size_t count) const {
    const std::size_t width = exits();
    for (std::size_t tile = 0; tile < width; tile += kTile) {
        const std::size_t end = std::min(tile + kTile, width);
        for (std::size_t lane = 0; lane < count; ++lane) {
            for (std::size_t i = tile; i < end; ++i) outputs[lane * width + i] = words[code_.exits[i] * lanes + lane];
        }
    }
}

}  // namespace bitwright
