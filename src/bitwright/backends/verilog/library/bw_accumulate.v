// Adds up the words from `first` to `last`, modulo 2**OUT.
//
// IN     bits of a word (two's complement)
// OUT    bits of the total, which may be fewer
// START  what the first word is added to
// SHIFT  places that the total moves up before a word is added: 0, or the bits of a digit, highest digits first
//
// Timing: the word with go and last in cycle t -> total and done in t + 1. Only go needs to have been reset; first
// and last are looked at beside it.

`default_nettype none

module bw_accumulate #(
    parameter IN = 8,
    parameter OUT = 16,
    parameter SHIFT = 0,
    parameter [OUT-1:0] START = 0
) (
    input  wire           clk,
    input  wire           rst,
    input  wire [IN-1:0]  x,
    input  wire           go,
    input  wire           first,
    input  wire           last,
    output reg  [OUT-1:0] total,
    output reg            done
);

    // Signed sums are a LUT a bit in yosys, `first` included; others are two.
    wire signed [OUT-1:0] word;
    wire signed [OUT-1:0] partial = first ? START : total <<< SHIFT;
    generate
        if (IN < OUT) begin : g_extend
            assign word = {{(OUT - IN) {x[IN-1]}}, x};
        end else begin : g_cut
            wire unused = &{1'b0, x};
            assign word = x[OUT-1:0];
        end
    endgenerate

    always @(posedge clk) begin
        if (go) total <= word + partial;
        done <= go & last & ~rst;
    end

endmodule

`default_nettype wire
