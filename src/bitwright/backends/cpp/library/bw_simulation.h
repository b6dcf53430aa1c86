// The vendors' streams for any C++ compiler: first in, first out, without an end. A read of an empty one ends the
// program; words that nobody took are counted. Only what the generated code uses, under the vendors' names.
#ifndef BW_SIMULATION_H
#define BW_SIMULATION_H

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <deque>

namespace bw_simulation {

// Words left in streams that are gone.
inline long& left() {
  static long count = 0;
  return count;
}

template <class T>
class Fifo {
 public:
  Fifo() : name_("a stream") {}
  explicit Fifo(const char* name) : name_(name) {}
  explicit Fifo(std::size_t) : name_("a stream") {}
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;
  ~Fifo() { left() += static_cast<long>(words_.size()); }

  void write(const T& word) { words_.push_back(word); }
  T read() {
    if (words_.empty()) {
      std::printf("%s is read and empty\n", name_);
      std::exit(3);
    }
    const T word = words_.front();
    words_.pop_front();
    return word;
  }
  bool empty() const { return words_.empty(); }

 private:
  std::deque<T> words_;
  const char* name_;
};

}  // namespace bw_simulation

// Vitis HLS and Vivado HLS; SmartHLS.
namespace hls {
template <class T>
using stream = bw_simulation::Fifo<T>;
template <class T>
using FIFO = bw_simulation::Fifo<T>;
}  // namespace hls

// Catapult.
template <class T>
using ac_channel = bw_simulation::Fifo<T>;

// Intel: a beat has marks, tasks are started and waited for.
namespace ihc {
template <int>
struct buffer {};
template <bool>
struct usesPackets {};
template <class T, class... Options>
using stream = bw_simulation::Fifo<T>;

template <class T, class... Options>
class Packets {
 public:
  void write(const T& data, bool first, bool last) { beats_.write(Beat{data, first, last}); }
  T read(bool& first, bool& last) {
    const Beat beat = beats_.read();
    first = beat.first;
    last = beat.last;
    return beat.data;
  }
  bool empty() const { return beats_.empty(); }

 private:
  struct Beat {
    T data;
    bool first, last;
  };
  bw_simulation::Fifo<Beat> beats_;
};
template <class T, class... Options>
using stream_in = Packets<T, Options...>;
template <class T, class... Options>
using stream_out = Packets<T, Options...>;

template <void (*Task)()>
inline void launch() {
  Task();
}
template <void (*Task)()>
inline void collect() {}
}  // namespace ihc

#endif
