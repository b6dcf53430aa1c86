// A priority queue for millions of candidates of which few ever reach the top.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace bitwright {

struct Candidate {
    std::int64_t score;
    std::int32_t depth;
    std::uint64_t key;

    // Highest score first, then the shallower, then the smaller key: a total order, so that the order of
    // extraction depends on nothing else.
    bool operator<(const Candidate& other) const {
        if (score != other.score) return score < other.score;
        return depth != other.depth ? depth > other.depth : key > other.key;
    }
};

// Candidates wait unordered in one bucket per score; a bucket becomes a heap when it is first on top.
// A candidate that sinks, as most do again and again, then costs one append.
class Queue {
  public:
    void push(const Candidate& candidate) {
        const auto rank = static_cast<std::size_t>(std::min<std::int64_t>(candidate.score, kBuckets - 1));
        if (rank >= buckets_.size()) buckets_.resize(rank + 1);
        Bucket& bucket = buckets_[rank];
        bucket.items.push_back(candidate);
        if (bucket.is_heap) std::push_heap(bucket.items.begin(), bucket.items.end());
    }

    // Takes the best candidate out; false when there is none.
    bool pop(Candidate& best) {
        while (!buckets_.empty() && buckets_.back().items.empty()) buckets_.pop_back();
        if (buckets_.empty()) return false;
        Bucket& bucket = buckets_.back();
        if (!bucket.is_heap) std::make_heap(bucket.items.begin(), bucket.items.end());
        bucket.is_heap = true;
        std::pop_heap(bucket.items.begin(), bucket.items.end());
        best = bucket.items.back();
        bucket.items.pop_back();
        return true;
    }

  private:
    struct Bucket {
        std::vector<Candidate> items;
        bool is_heap = false;
    };
    static constexpr std::int64_t kBuckets = 1 << 16;

    std::vector<Bucket> buckets_;
};

}  // namespace bitwright
