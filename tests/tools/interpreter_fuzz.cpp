// Random programs through the interpreter under sanitizers: every output must be what a plain loop over one sample
// finds that cuts each word to the lane. Prints the number of programs; exits with 1 at the first difference.

#include <cstdint>
#include <cstdio>
#include <random>
#include <vector>

#include "interpreter.hpp"

namespace {

using bitwright::Code;
using bitwright::Instruction;
using bitwright::Step;
using Values = std::vector<std::int64_t>;

class Source {
  public:
    explicit Source(std::uint64_t seed) : engine_(seed) {}

    // Modulo on purpose: the standard distributions differ from library to library.
    std::int64_t between(std::int64_t low, std::int64_t high) {
        return low + static_cast<std::int64_t>(engine_() % static_cast<std::uint64_t>(high - low + 1));
    }

    Code code() {
        Code made;
        made.lane_bits = 16 << between(0, 2);
        for (std::int64_t i = between(0, 9); i > 0; --i) made.entries.push_back({between(-99, 0), between(0, 99)});
        for (std::int64_t i = between(1, 4); i > 0; --i) made.numbers.push_back(between(-9, 9));
        for (std::int64_t i = between(1, 40); i > 0; --i) made.tables.push_back(between(-50, 50));
        for (std::int64_t i = between(0, 60); i > 0; --i) add_step(made);
        const auto last = static_cast<std::int64_t>(words(made)) - 1;
        for (std::int64_t i = between(0, 9); i > 0; --i) made.exits.push_back(static_cast<std::int32_t>(between(0, last)));
        return made;
    }

  private:
    static std::size_t words(const Code& code) { return code.entries.size() + code.numbers.size() + code.steps.size(); }

    void add_step(Code& code) {
        Step step{};
        step.op = static_cast<Instruction>(between(0, static_cast<std::int64_t>(Instruction::kCount) - 1));
        const auto last = static_cast<std::int64_t>(words(code)) - 1;
        for (std::int32_t& arg : step.args) arg = static_cast<std::int32_t>(between(0, last));
        for (std::int32_t& shift : step.shifts) shift = static_cast<std::int32_t>(between(0, code.lane_bits - 1) / between(1, 9));
        step.first = between(-60, 20);
        step.second = step.first + between(0, 60);
        if (step.op == Instruction::kTable) {
            // A remainder by a mask keeps the argument inside.
            Step cut{};
            cut.op = Instruction::kBits;
            cut.args[0] = step.args[0];
            cut.first = code.tables.size() >= 8 ? 7 : 0;
            code.steps.push_back(cut);
            step.args[0] = static_cast<std::int32_t>(words(code)) - 1;
            step.first = 0;
            step.third = cut.first + 1;
            step.second = between(0, static_cast<std::int64_t>(code.tables.size()) - step.third);
        }
        code.steps.push_back(step);
    }

    std::mt19937_64 engine_;
};

std::int64_t cut(std::uint64_t value, int bits) {
    return static_cast<std::int64_t>(value << (64 - bits)) >> (64 - bits);
}

std::int64_t one(const Step& step, const Code& code, const Values& words) {
    const auto arg = [&](int i) { return words[step.args[i]]; };
    const auto moved = [&](int i) { return static_cast<std::uint64_t>(arg(i)) << step.shifts[i]; };
    const auto first = static_cast<std::uint64_t>(step.first);
    switch (step.op) {
        case Instruction::kSum10: return cut(first + moved(0), code.lane_bits);
        case Instruction::kSum01: return cut(first - moved(0), code.lane_bits);
        case Instruction::kSum20: return cut(first + moved(0) + moved(1), code.lane_bits);
        case Instruction::kSum11: return cut(first + moved(0) - moved(1), code.lane_bits);
        case Instruction::kSum02: return cut(first - moved(0) - moved(1), code.lane_bits);
        case Instruction::kSum30: return cut(first + moved(0) + moved(1) + moved(2), code.lane_bits);
        case Instruction::kSum21: return cut(first + moved(0) + moved(1) - moved(2), code.lane_bits);
        case Instruction::kSum12: return cut(first + moved(0) - moved(1) - moved(2), code.lane_bits);
        case Instruction::kSum03: return cut(first - moved(0) - moved(1) - moved(2), code.lane_bits);
        case Instruction::kShiftRight: return arg(0) >> step.shifts[0];
        case Instruction::kBits: return (arg(0) >> step.shifts[0]) & step.first;
        case Instruction::kClip: return arg(0) < step.first ? step.first : arg(0) > step.second ? step.second : arg(0);
        case Instruction::kAtLeast: return arg(0) >= arg(1);
        case Instruction::kAtLeastNumber: return arg(0) >= step.first;
        case Instruction::kAtMostNumber: return arg(0) <= step.first;
        case Instruction::kMux: return arg(0) == 1 ? arg(1) : arg(2);
        case Instruction::kTable: return code.tables[step.second + arg(0) - step.first];
        default: return cut(static_cast<std::uint64_t>(arg(0)) * static_cast<std::uint64_t>(arg(1)), code.lane_bits);
    }
}

Values expected(const Code& code, const Values& inputs, std::size_t batch) {
    Values found;
    for (std::size_t sample = 0; sample < batch; ++sample) {
        const auto row = inputs.begin() + static_cast<std::ptrdiff_t>(sample * code.entries.size());
        Values words(row, row + static_cast<std::ptrdiff_t>(code.entries.size()));
        words.insert(words.end(), code.numbers.begin(), code.numbers.end());
        for (const Step& step : code.steps) words.push_back(one(step, code, words));
        for (const std::int32_t exit : code.exits) found.push_back(words[exit]);
    }
    return found;
}

}  // namespace

int main() {
    constexpr int programs = 3000;
    for (int seed = 0; seed < programs; ++seed) {
        Source source(seed);
        const Code code = source.code();
        const auto batch = static_cast<std::size_t>(source.between(0, seed % 50 == 0 ? 1500 : 70));
        Values inputs;
        for (std::size_t i = 0; i < batch * code.entries.size(); ++i) {
            const bitwright::Entry& entry = code.entries[i % code.entries.size()];
            inputs.push_back(source.between(entry.low, entry.high));
        }
        Values outputs(batch * code.exits.size(), -77);
        bitwright::Interpreter(code).run(inputs.data(), outputs.data(), batch);
        if (outputs != expected(code, inputs, batch)) {
            std::fprintf(stderr, "program %d differs\n", seed);
            return 1;
        }
    }
    std::printf("%d programs\n", programs);
}
