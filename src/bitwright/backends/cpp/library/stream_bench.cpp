// Test bench of @NAME@: golden frames from @NAME@_in.dat, answers and ends of frames compared with @NAME@_out.dat.
// Returns 0 when all are right, as HLS tools expect.
#include <cstdio>
#include <cstdlib>

#include "@NAME@.h"
@WEIGHTS@
static long long @NAME@_next(std::FILE* file) {
  long long value = 0;
  if (std::fscanf(file, "%lld", &value) != 1) {
    std::printf("@NAME@: a data file ends too early\n");
    std::exit(2);
  }
  return value;
}

template <class D, class Port>
static void @NAME@_feed(std::FILE* file, Port& port) {
  for (std::size_t i = 0; i < D::WORDS; ++i) {
    typename D::word_t word;
    for (std::size_t lane = 0; lane < D::LANES; ++lane) word.lane[lane] = @NAME@_next(file);
    bw_stream::put<D>(port, D::pack(word), i == 0, i + 1 == D::WORDS);
  }
}

template <class D, class Port>
static int @NAME@_compare(std::FILE* file, Port& port) {
  int bad = 0;
  for (std::size_t i = 0; i < D::WORDS; ++i) {
    bool last = false;
    const typename D::word_t word = D::unpack(bw_stream::take<D>(port, last));
    for (std::size_t lane = 0; lane < D::LANES; ++lane) {
      bad += @NAME@_next(file) != static_cast<long long>(word.lane[lane].to_int64());
    }
    bad += last != (i + 1 == D::WORDS);
  }
  return bad;
}

int main() {
  std::FILE* in = std::fopen("@NAME@_in.dat", "r");
  std::FILE* out = std::fopen("@NAME@_out.dat", "r");
  if (!in || !out) {
    std::printf("@NAME@: no golden vectors in this folder\n");
    return 2;
  }
  @PORTS@
  int bad = 0, count = 0;
  for (int c = std::fgetc(in); c != EOF; c = std::fgetc(in)) {
    std::ungetc(c, in);
    @FEED@
    @CALL@
    @COMPARE@
    ++count;
    while (c != '\n' && c != EOF) c = std::fgetc(in);
  }
  std::fclose(in);
  std::fclose(out);
#ifdef BW_SIMULATION
  bad += bw_simulation::left() != 0;
#endif
  std::printf("@NAME@: %d vectors, %d numbers differ\n", count, bad);
  return bad != 0;
}
