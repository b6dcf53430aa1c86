// The smallest solution of a system of waits, frame after frame; bitwright/core/twin/timetable.py is the same.
#pragma once

#include <cstdint>
#include <vector>

namespace bitwright {

// The entries `wanting` of a frame (steps of `process`) wait for the entries `given` (steps of `source`, counted from
// the frame's first): entry i for entry i - shift, and `delay` cycles more.
struct WaitRule {
    std::int32_t process = 0, source = 0;
    const std::int64_t* wanting = nullptr;
    const std::int64_t* given = nullptr;
    std::int64_t length = 0, shift = 0, delay = 0;
};

struct WaitSystem {
    std::vector<std::int64_t> steps;
    std::vector<WaitRule> rules;
};

enum class Verdict : std::int64_t { settled = 0, slower = 1, late = 2, stuck = 3, endless = 4 };

// How to go on: `period / frames` cycles at least between equal steps of two frames (0: none); process p has ended its
// first frame at `latest[p]` (-1: whenever); no more than `most_frames`.
struct Pace {
    std::int64_t period = 0, frames = 1;
    std::vector<std::int64_t> latest;
    std::int64_t most_frames = 1;
};

struct Settled {
    Verdict verdict = Verdict::endless;
    std::int64_t frames = 0;
    // Where `slower`: a circuit of waits takes so many cycles in so many frames, and a process on it.
    std::int64_t circuit_cycles = 0, circuit_frames = 0, circuit_process = -1;
    // Times of each process, `Pace::frames` to a cycle.
    std::vector<std::vector<std::int64_t>> times;
    // Where `stuck`: for each process the rule that it waits for, -1 if it has done the frame.
    std::vector<std::int64_t> blocked;
};

Settled settle(const WaitSystem& system, const Pace& pace);

}  // namespace bitwright
