// Counts keys in an open-addressing table that is emptied in constant time.
#pragma once

#include <cstdint>
#include <vector>

namespace bitwright {

class Counter {
  public:
    Counter() : slots_(1 << 10), shift_(64 - 10) {}

    void add(std::uint64_t key) {
        Slot& slot = find(key);
        if (slot.stamp == stamp_) {
            ++slot.count;
            return;
        }
        slot = {key, stamp_, 1};
        keys_.push_back(key);
        if (keys_.size() * 2 > slots_.size()) grow();
    }

    // Calls `visit(key, count)` in the order of first appearance, then forgets everything.
    template <class Visit>
    void drain(Visit visit) {
        for (const std::uint64_t key : keys_) visit(key, find(key).count);
        keys_.clear();
        ++stamp_;
    }

  private:
    struct Slot {
        std::uint64_t key = 0;
        std::uint32_t stamp = 0;
        std::int32_t count = 0;
    };

    Slot& find(std::uint64_t key) {
        std::size_t at = (key * 0x9e3779b97f4a7c15u) >> shift_;
        while (slots_[at].stamp == stamp_ && slots_[at].key != key) at = (at + 1) & (slots_.size() - 1);
        return slots_[at];
    }

    void grow() {
        std::vector<Slot> old(slots_.size() * 2);
        old.swap(slots_);
        --shift_;
        for (const Slot& slot : old) {
            if (slot.stamp == stamp_) find(slot.key) = slot;
        }
    }

    std::vector<Slot> slots_;
    std::vector<std::uint64_t> keys_;
    std::uint32_t stamp_ = 1;
    int shift_;
};

}  // namespace bitwright
