#include "timetable.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace bitwright {

namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

// A rule and where it stands within the frame.
struct Cursor {
    WaitRule rule;
    std::int64_t steps = 0;  // of the source
    std::int64_t entry = 0, index = 0, base = 0, next = -1;

    void begin(std::int64_t frame) {
        const std::int64_t frames_back = floor_div(-rule.shift, rule.length);
        entry = 0;
        index = -rule.shift - frames_back * rule.length;
        base = (frame + frames_back) * steps;
        next = rule.wanting[0];
    }

    void pass() {
        ++entry;
        if (++index == rule.length) {
            index = 0;
            base += steps;
        }
        next = entry < rule.length ? rule.wanting[entry] : -1;
    }

    // The step of the source that the present entry waits for, counted from its very first; below 0: none.
    std::int64_t needed() const { return base + rule.given[index]; }

    // The same for any entry of any frame.
    std::int64_t needed(std::int64_t frame, std::int64_t at) const {
        const std::int64_t frames_back = floor_div(at - rule.shift, rule.length);
        return (frame + frames_back) * steps + rule.given[at - rule.shift - frames_back * rule.length];
    }
};

struct Process {
    std::int64_t steps = 0, step = 0, ready = 0;
    std::vector<Cursor> rules;
    std::vector<std::size_t> numbers;  // of the rules, in the system
    std::size_t at = 0;                // the rule to look at next
    std::int64_t waits_on = -1, waits_for = 0;
    std::vector<std::int64_t> times;
};

class Advance {
public:
    Advance(const WaitSystem& system, const Pace& pace) : system_(system), pace_(pace), processes_(system.steps.size()) {
        for (std::size_t p = 0; p < processes_.size(); ++p) {
            processes_[p].steps = system.steps[p];
            processes_[p].times.reserve(static_cast<std::size_t>(3 * system.steps[p]));
            total_ += system.steps[p];
        }
        for (std::size_t number = 0; number < system.rules.size(); ++number) {
            WaitRule rule = system.rules[number];
            if (rule.length == 0) continue;
            rule.delay *= pace.frames;
            Process& process = processes_[rule.process];
            process.rules.push_back({rule, system.steps[rule.source]});
            process.numbers.push_back(number);
        }
    }

    Settled run() {
        std::int64_t before = 0, next_look = 3;
        for (std::int64_t frame = 0; frame < pace_.most_frames; ++frame) {
            if (!advance(frame)) return result(Verdict::stuck, frame);
            if (frame == 0 && late()) return result(Verdict::late, 1);
            if (pace_.period == 0) continue;
            // Nothing comes earlier, counted from its frame's begin, than in the frame before: equal sums, equal times.
            const bool equal = frame > 0 && sum_ - before == total_ * pace_.period;
            before = sum_;
            if (equal && stays(frame)) return result(Verdict::settled, frame + 1);
            // Delays may come every few frames only: look when one came.
            if (frame + 1 >= next_look && !equal) {
                next_look = 2 * (frame + 1);
                if (circuit(frame)) return result(Verdict::slower, frame + 1);
            }
        }
        return result(Verdict::endless, pace_.most_frames);
    }

private:
    // How many frames back a rule looks at most.
    std::int64_t reach_of(const WaitRule& rule) const {
        const std::int64_t steps = system_.steps[rule.source];
        const std::int64_t first = *std::min_element(rule.given, rule.given + rule.length);
        return -floor_div(floor_div(-rule.shift, rule.length) * steps + first, steps);
    }

    // Whether a frame equal to the one before is followed by equal ones: no wait that looks further back would delay a
    // step if all frames before had been like this one. None of them was later, so none does.
    bool stays(std::int64_t frame) const {
        for (const Process& process : processes_) {
            for (const Cursor& cursor : process.rules) {
                if (reach_of(cursor.rule) < 2) continue;
                const Process& source = processes_[cursor.rule.source];
                for (std::int64_t i = 0; i < cursor.rule.length; ++i) {
                    const std::int64_t needed = cursor.needed(0, i), back = floor_div(needed, source.steps);
                    const std::int64_t like = source.times[needed + (frame - back) * source.steps];
                    const std::int64_t time = process.times[frame * process.steps + cursor.rule.wanting[i]];
                    if (like + back * pace_.period + cursor.rule.delay > time) return false;
                }
            }
        }
        return true;
    }

    void begin(Process& process, std::int64_t frame) const {
        const std::size_t done = static_cast<std::size_t>(frame * process.steps);
        process.times.resize(done + process.steps);
        process.step = 0;
        process.at = 0;
        process.waits_on = -1;
        process.ready = frame ? process.times[done - 1] + pace_.frames : 0;
        if (frame && pace_.period) process.ready = std::max(process.ready, process.times[done - process.steps] + pace_.period);
        for (Cursor& rule : process.rules) rule.begin(frame);
    }

    // One frame of every process; whether all could end it.
    bool advance(std::int64_t frame) {
        for (Process& process : processes_) begin(process, frame);
        sum_ = 0;
        frame_ = frame;
        std::size_t left = processes_.size();
        for (bool moved = true; moved && left;) {
            moved = false;
            for (Process& process : processes_) {
                if (process.step == process.steps) continue;
                if (process.waits_on >= 0 && done(processes_[process.waits_on]) <= process.waits_for) continue;
                moved = true;
                if (advance(process)) --left;
            }
        }
        return left == 0;
    }

    std::int64_t done(const Process& process) const { return frame_ * process.steps + process.step; }

    // As far as what it waits for is known; whether it ended the frame.
    bool advance(Process& process) {
        std::int64_t* times = process.times.data() + frame_ * process.steps;
        const std::size_t count = process.rules.size();
        while (process.step < process.steps) {
            for (; process.at < count; ++process.at) {
                Cursor& rule = process.rules[process.at];
                if (rule.next != process.step) continue;
                const std::int64_t needed = rule.needed();
                if (needed >= 0) {
                    const Process& source = processes_[rule.rule.source];
                    if (needed >= done(source)) {
                        process.waits_on = rule.rule.source;
                        process.waits_for = needed;
                        return false;
                    }
                    process.ready = std::max(process.ready, source.times[needed] + rule.rule.delay);
                }
                rule.pass();
            }
            times[process.step++] = process.ready;
            sum_ += process.ready;
            process.ready += pace_.frames;
            process.at = 0;
        }
        return true;
    }

    bool late() const {
        for (std::size_t p = 0; p < processes_.size(); ++p)
            if (pace_.latest[p] >= 0 && processes_[p].times.back() > pace_.latest[p] * pace_.frames) return true;
        return false;
    }

    // Follows the waits that decided the step most delayed against the frame before; whether it meets a step twice that
    // was delayed in between: then the circuit of waits is slower than the period, and so is everything behind it.
    bool circuit(std::int64_t frame) {
        std::pair<std::size_t, std::int64_t> at = most_delayed(frame);
        std::vector<std::vector<std::int64_t>> met(processes_.size());
        for (std::size_t p = 0; p < met.size(); ++p) met[p].assign(processes_[p].steps, -1);
        for (;;) {
            const Process& process = processes_[at.first];
            std::int64_t& last = met[at.first][at.second % process.steps];
            if (last >= 0) {
                circuit_frames_ = (last - at.second) / process.steps;
                circuit_cycles_ = process.times[last] - process.times[at.second];
                circuit_process_ = static_cast<std::int64_t>(at.first);
                if (circuit_cycles_ > pace_.period * circuit_frames_) return true;
            }
            last = at.second;
            at = decided_by(process, at);
            if (at.second < 0) return false;
        }
    }

    std::pair<std::size_t, std::int64_t> most_delayed(std::int64_t frame) const {
        std::pair<std::size_t, std::int64_t> found{0, 0};
        std::int64_t most = -1;
        for (std::size_t p = 0; p < processes_.size(); ++p) {
            const Process& process = processes_[p];
            for (std::int64_t n = frame * process.steps; n < (frame + 1) * process.steps; ++n) {
                const std::int64_t delay = process.times[n] - process.times[n - process.steps];
                if (delay > most) {
                    most = delay;
                    found = {p, n};
                }
            }
        }
        return found;
    }

    // The first of the waits of a step that hold with equality; step -1 for the very first.
    std::pair<std::size_t, std::int64_t> decided_by(const Process& process, std::pair<std::size_t, std::int64_t> at) const {
        const std::int64_t n = at.second, time = process.times[n], step = n % process.steps;
        for (const Cursor& rule : process.rules) {
            const std::int64_t* end = rule.rule.wanting + rule.rule.length;
            const std::int64_t* entry = std::lower_bound(rule.rule.wanting, end, step);
            if (entry == end || *entry != step) continue;
            const std::int64_t needed = rule.needed(n / process.steps, entry - rule.rule.wanting);
            if (needed >= 0 && processes_[rule.rule.source].times[needed] + rule.rule.delay == time)
                return {static_cast<std::size_t>(rule.rule.source), needed};
        }
        if (n > 0 && process.times[n - 1] + pace_.frames == time) return {at.first, n - 1};
        return {at.first, step == 0 ? n - process.steps : -1};
    }

    Settled result(Verdict verdict, std::int64_t frames) {
        Settled found;
        found.verdict = verdict;
        found.frames = frames;
        if (verdict == Verdict::slower) {
            found.circuit_cycles = circuit_cycles_;
            found.circuit_frames = circuit_frames_ * pace_.frames;
            found.circuit_process = circuit_process_;
        }
        for (Process& process : processes_) {
            const bool waits = verdict == Verdict::stuck && process.step < process.steps;
            found.blocked.push_back(waits ? static_cast<std::int64_t>(process.numbers[process.at]) : -1);
            process.times.resize(static_cast<std::size_t>(frames * process.steps));
            found.times.push_back(std::move(process.times));
        }
        return found;
    }

    const WaitSystem& system_;
    const Pace& pace_;
    std::vector<Process> processes_;
    std::int64_t total_ = 0, sum_ = 0, frame_ = 0;
    std::int64_t circuit_cycles_ = 0, circuit_frames_ = 0, circuit_process_ = -1;
};

}  // namespace

Settled settle(const WaitSystem& system, const Pace& pace) { return Advance(system, pace).run(); }

}  // namespace bitwright
