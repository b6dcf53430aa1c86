/* The hardware that the bare-metal driver meets, as a model: an AXI DMA engine, a network that knows the golden
 * frames, and a control interface whose memories take a word with its last part. Prints what the driver says. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "design.h"

#define CONTROL 0x40000u
#define DMA 0x80000u

typedef struct {
  uint32_t dma[32];       /* registers of the engine, both ways */
  uint32_t magic, build;  /* what the control interface says */
  uint32_t held[8], memory[64][8];
  uint32_t base[2], run, fault, held_back; /* of a network whose weights lie in memory */
  int sick, mute, flips, cached;
  uint32_t before, after;
} board;

static uint64_t address_of(const board *b, unsigned way) {
  return (uint64_t)b->dma[(way + 0x1C) / 4] << 32 | b->dma[(way + 0x18) / 4];
}

static uint32_t board_read(void *context, uintptr_t address) {
  board *b = context;
  if (address >= DMA) return b->dma[(address - DMA) / 4];
  if (address - CONTROL == 28) return b->fault;
  return address - CONTROL == 0 ? b->magic : address - CONTROL == 8 ? b->build : address - CONTROL == 12 ? 99 : 0;
}

static void network_runs(board *b) {
  const uint8_t *in = (const uint8_t *)(uintptr_t)address_of(b, 0);
  uint8_t *out = (uint8_t *)(uintptr_t)address_of(b, 0x30);
  if (b->sick) { b->dma[0x34 / 4] |= 0x10; return; }
#ifdef BW_OUTSIDE_BYTES
  {
    const uint64_t place = (uint64_t)b->base[1] << 32 | b->base[0];
    if (!b->run || memcmp((const uint8_t *)(uintptr_t)place, bw_image, sizeof bw_image) != 0) { ++b->held_back; return; }
  }
#endif
  if (b->mute || memcmp(in, bw_golden_in, b->dma[0x28 / 4]) != 0) return;
  memcpy(out, bw_golden_out, b->dma[0x58 / 4]);
  if (b->flips) out[b->flips] ^= 4;
  b->dma[0x04 / 4] |= 2;
  b->dma[0x34 / 4] |= 2;
}

static void board_write(void *context, uintptr_t address, uint32_t value) {
  board *b = context;
  if (address >= DMA) {
    b->dma[(address - DMA) / 4] = value;
    if (address - DMA == 0x28) {
      b->dma[0x04 / 4] = 0;
      if (b->dma[0x58 / 4] == 0 || !(b->dma[0x30 / 4] & 1) || !(b->dma[0] & 1)) { puts("answer lost"); exit(9); }
      network_runs(b);
      if (!b->mute && !b->sick) b->dma[0x58 / 4] = 0;
    }
    if (address - DMA == 0x58) b->dma[0x34 / 4] = 0;
    return;
  }
  if (address - CONTROL == 16 || address - CONTROL == 20) {
    if (b->run) { puts("moved while it runs"); exit(9); }
    b->base[(address - CONTROL) / 4 - 4] = value;
  }
  if (address - CONTROL == 24) b->run = value;
#ifdef BW_MEMORIES
  {
    const uint32_t at = (uint32_t)(address - CONTROL) - bw_memories[0].offset, part = at % bw_memories[0].stride / 4;
    b->held[part] = value;
    if (part == (bw_memories[0].bits + 31) / 32 - 1) memcpy(b->memory[at / bw_memories[0].stride], b->held, sizeof b->held);
  }
#endif
}

static void flush(void *context, const void *data, size_t bytes) { (void)data; ((board *)context)->before += (uint32_t)bytes; }
static void invalidate(void *context, void *data, size_t bytes) { (void)data; ((board *)context)->after += (uint32_t)bytes; }

static uint8_t scratch[sizeof bw_golden_out], words[sizeof bw_golden_in];
static int64_t codes[sizeof bw_golden_in * 8];
#ifdef BW_OUTSIDE_BYTES
static uint8_t outside[BW_OUTSIDE_BYTES + 4096];
#endif

int main(void) {
  board b;
  const bw_port port = {board_read, board_write, flush, invalidate, &b};
  bw_network network = {&port, CONTROL, DMA, BW_BUILD, &bw_input, &bw_output};
  size_t wrong = 0;
  memset(&b, 0, sizeof b);
  b.magic = BW_MAGIC;
  b.build = BW_BUILD;
#define TEST(what) printf("%s %d\n", what, (int)bw_self_test(&network, bw_golden_in, bw_golden_out, BW_GOLDEN_FRAMES, scratch, 100, &wrong))
#ifdef BW_OUTSIDE_BYTES
  {
    uint8_t *page = outside + (4096 - (uintptr_t)outside % 4096) % 4096;
    TEST("before");
    b.dma[0x58 / 4] = 0;
    b.run = 1;
    printf("begin %d", (int)bw_begin(&network, page + 8, BW_OUTSIDE_BYTES, bw_image, sizeof bw_image));
    printf(" %d", (int)bw_begin(&network, page, sizeof bw_image - 1, bw_image, sizeof bw_image));
    b.magic = 0;
    printf(" %d", (int)bw_begin(&network, page, BW_OUTSIDE_BYTES, bw_image, sizeof bw_image));
    b.magic = BW_MAGIC;
    printf(" %d", (int)bw_begin(&network, page, BW_OUTSIDE_BYTES, bw_image, sizeof bw_image));
    printf(" %d", b.before == sizeof bw_golden_in + sizeof bw_golden_out + BW_OUTSIDE_BYTES);
    b.before = 0;
    printf(" %d", (int)bw_memory_status(&network));
    b.fault = 1;
    printf(" %d\n", (int)bw_memory_status(&network));
  }
#endif
  TEST("golden");
  printf("caches %d %d\n", b.before == sizeof bw_golden_in + sizeof bw_golden_out, b.after == sizeof bw_golden_out);
  b.flips = (int)bw_output.beat_bytes;
  TEST("flipped");
  printf("word %lu\n", (unsigned long)wrong);
  b.flips = 0;
  b.sick = 1;
  TEST("sick");
  b.sick = 0;
  b.mute = 1;
  TEST("mute");
  b.mute = 0;
  b.dma[0x58 / 4] = 0;
  b.build ^= 1;
  TEST("build");
  b.magic = 0;
  TEST("magic");
  network.control = 0;
  TEST("without control");
  printf("frames %u", (unsigned)bw_frames(&network));
  network.control = CONTROL;
  printf(" %u\n", (unsigned)bw_frames(&network));
  bw_unpack(&bw_input, bw_golden_in, BW_GOLDEN_FRAMES, codes);
  printf("packed %d", (int)bw_pack(&bw_input, codes, BW_GOLDEN_FRAMES, words));
  printf(" %d\n", memcmp(words, bw_golden_in, sizeof words) == 0);
  bw_unpack(&bw_output, bw_golden_out, 1, codes);
  printf("first");
  for (wrong = 0; wrong < (size_t)bw_output.lanes * bw_output.beats; ++wrong) printf(" %ld", (long)codes[wrong]);
  codes[0] = 1 << 20;
  printf("\nwide %d\n", (int)bw_pack(&bw_input, codes, 1, words));
#ifdef BW_MEMORIES
  {
    const uint32_t parts[] = {0x33333333u, 0x22222222u, 0x11u, 1u, 2u, 0x80u, 5u, 6u, 7u}, high[] = {0u, 0u, 0x100u};
    printf("reload %d", (int)bw_reload(&network, &bw_memories[0], parts, 9));
    printf(" %x %x %x %x\n", b.memory[0][2], b.memory[0][0], b.memory[1][2], b.memory[2][1]);
    printf("refused %d %d %d\n", (int)bw_reload(&network, &bw_memories[0], parts, 8),
           (int)bw_write_word(&network, &bw_memories[0], 0, high), (int)bw_write_word(&network, &bw_memories[0], 3, parts));
  }
#endif
  return 0;
}
