// The front of inner products of two streams: every step takes a word of each, the last of FOLDS writes a result.
//
// Put the heads side by side, their valids together, and pop both.
//
// WIDTH  bits of both words
//
// Timing: step in cycle t -> x, go, first and last (the first and last step of its result) in t + 1.

`default_nettype none

module bw_inner #(
    parameter WIDTH = 8,
    parameter FOLDS = 2
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             in_valid,
    input  wire [WIDTH-1:0] in_head,
    output wire             in_pop,
    input  wire             out_ready,
    output wire             out_take,
    output reg  [WIDTH-1:0] x,
    output reg              go,
    output reg              first,
    output reg              last
);

    localparam FOLD_BITS = FOLDS > 1 ? $clog2(FOLDS) : 1;
    localparam [31:0] LAST_FOLD = FOLDS - 1;

    wire [FOLD_BITS-1:0] fold;
    wire begins = fold == {FOLD_BITS{1'b0}};
    wire ends = fold == LAST_FOLD[FOLD_BITS-1:0];
    wire fire = in_valid & (out_ready | ~ends);
    assign in_pop = fire;
    assign out_take = fire & ends;

    bw_count #(.N(FOLDS)) u_fold (.clk(clk), .rst(rst), .go(fire), .phase(fold));

    always @(posedge clk) begin
        x <= in_head;
        go <= fire & ~rst;
        first <= begins;
        last <= ends;
    end

endmodule

`default_nettype wire
