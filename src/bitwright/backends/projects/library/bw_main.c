/* The golden-vector self-test on the board: where control and DMA lie is for the block design to say.
 *   cc -std=c99 -DBW_CONTROL_BASE=0x43C00000u -DBW_DMA_BASE=0x40400000u main.c bw_network.c */
#include <stdio.h>

#include "design.h"

#ifndef BW_CONTROL_BASE
#define BW_CONTROL_BASE 0u
#endif
#ifndef BW_DMA_BASE
#define BW_DMA_BASE 0x40400000u
#endif

static uint8_t scratch[sizeof bw_golden_out];
#ifdef BW_OUTSIDE_BYTES
/* Whole pages in it begin somewhere behind its start. */
static uint8_t outside[BW_OUTSIDE_BYTES + 4095u];
#endif

int main(void) {
  const bw_network network = {&bw_mapped, BW_CONTROL_BASE, BW_DMA_BASE, BW_BUILD, &bw_input, &bw_output};
  size_t wrong = 0;
  bw_status status = BW_OK;
#ifdef BW_MEMORIES
  unsigned memory;
  /* What is tested are the numbers of this build. */
  for (memory = 0; memory < BW_MEMORIES && status == BW_OK; ++memory)
    status = bw_reload(&network, &bw_memories[memory], bw_words[memory], bw_word_counts[memory]);
#endif
#ifdef BW_OUTSIDE_BYTES
  status = bw_begin(&network, outside + (4096u - (uintptr_t)outside % 4096u) % 4096u, BW_OUTSIDE_BYTES, bw_image,
                    sizeof bw_image);
#endif
  if (status == BW_OK)
    status = bw_self_test(&network, bw_golden_in, bw_golden_out, BW_GOLDEN_FRAMES, scratch, 10000000u, &wrong);
#ifdef BW_OUTSIDE_BYTES
  if (status == BW_OK) status = bw_memory_status(&network);
#endif
  if (status == BW_WRONG_ANSWER) printf("word %lu of the golden frames is wrong\n", (unsigned long)wrong);
  printf("%s: %s, status %d\n", BW_NAME, status == BW_OK ? "PASS" : "FAIL", (int)status);
  return (int)status;
}
