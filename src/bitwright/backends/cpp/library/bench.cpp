// Test bench of @NAME@: golden vectors from @NAME@_in.dat, answers compared with @NAME@_out.dat.
// Returns 0 when all are right, as HLS tools expect.
#include <cstdio>
#include <cstdlib>

#include "@NAME@.h"

static long long @NAME@_next(std::FILE* file) {
  long long value = 0;
  if (std::fscanf(file, "%lld", &value) != 1) {
    std::printf("@NAME@: a data file ends too early\n");
    std::exit(2);
  }
  return value;
}

template <class T>
static long long @NAME@_number(const T& code) {
  return static_cast<long long>(code.to_int64());
}

int main() {
  @ARRAYS@
  std::FILE* in = std::fopen("@NAME@_in.dat", "r");
  std::FILE* out = std::fopen("@NAME@_out.dat", "r");
  if (!in || !out) {
    std::printf("@NAME@: no golden vectors in this folder\n");
    return 2;
  }
  int bad = 0, count = 0;
  for (int c = std::fgetc(in); c != EOF; c = std::fgetc(in)) {
    std::ungetc(c, in);
    @READ@
    @CALL@
    @CHECK@
    ++count;
    while (c != '\n' && c != EOF) c = std::fgetc(in);
  }
  std::fclose(in);
  std::fclose(out);
  std::printf("@NAME@: %d vectors, %d numbers differ\n", count, bad);
  return bad != 0;
}
