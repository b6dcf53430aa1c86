// The front of a matrix-vector unit: a vector of FOLDS words, once for each of BLOCKS blocks of outputs.
//
// Steps go through (block, fold), the fold innermost. Those of block 0 read the vector and store it, later blocks
// replay it; the last fold of a block writes a word of the result. GROUPS matrices take turns, a vector each.
//
// WIDTH  bits of a word of the vector
//
// Timing: step in cycle t -> x, go, first and last (the first and last fold of its block) in t + 1. `index` is the
// place of the step's weights in cycle t, in the order (group, block, fold): with a registered read they meet x.

`default_nettype none

module bw_vector #(
    parameter WIDTH = 8,
    parameter FOLDS = 1,
    parameter BLOCKS = 1,
    parameter GROUPS = 1,
    parameter INDEX_BITS = FOLDS * BLOCKS * GROUPS > 1 ? $clog2(FOLDS * BLOCKS * GROUPS) : 1
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  in_valid,
    input  wire [WIDTH-1:0]      in_head,
    output wire                  in_pop,
    input  wire                  out_ready,
    output wire                  out_take,
    output wire [WIDTH-1:0]      x,
    output reg                   go,
    output reg                   first,
    output reg                   last,
    output wire [INDEX_BITS-1:0] index
);

    localparam FOLD_BITS = FOLDS > 1 ? $clog2(FOLDS) : 1;
    localparam BLOCK_BITS = BLOCKS > 1 ? $clog2(BLOCKS) : 1;
    localparam [31:0] LAST_FOLD = FOLDS - 1;

    wire [FOLD_BITS-1:0] fold;
    wire reads;
    wire begins = fold == {FOLD_BITS{1'b0}};
    wire ends = fold == LAST_FOLD[FOLD_BITS-1:0];
    wire fire = (in_valid | ~reads) & (out_ready | ~ends);

    assign in_pop = fire & reads;
    assign out_take = fire & ends;

    bw_count #(.N(FOLDS * BLOCKS * GROUPS)) u_index (.clk(clk), .rst(rst), .go(fire), .phase(index));

    // Fold and block need counters of their own only where no bits of the index say what they are.
    generate
        if (FOLDS > 1 && 1 << FOLD_BITS == FOLDS) begin : g_same_fold
            assign fold = index[FOLD_BITS-1:0];
        end else begin : g_fold
            bw_count #(.N(FOLDS)) u_fold (.clk(clk), .rst(rst), .go(fire), .phase(fold));
        end

        if (BLOCKS == 1) begin : g_no_block
            assign reads = 1'b1;
        end else if (GROUPS == 1) begin : g_same_block
            localparam [31:0] END = FOLDS;
            assign reads = index < END[INDEX_BITS-1:0];
        end else begin : g_block
            wire [BLOCK_BITS-1:0] block;
            bw_count #(.N(BLOCKS)) u_block (.clk(clk), .rst(rst), .go(fire & ends), .phase(block));
            assign reads = block == {BLOCK_BITS{1'b0}};
        end
    endgenerate

    always @(posedge clk) begin
        go <= fire & ~rst;
        first <= begins;
        last <= ends;
    end

    generate
        if (BLOCKS == 1) begin : g_once
            reg [WIDTH-1:0] word;
            always @(posedge clk) word <= in_head;
            assign x = word;
        end else if (FOLDS == 1) begin : g_hold
            reg [WIDTH-1:0] word;
            always @(posedge clk) if (in_pop) word <= in_head;
            assign x = word;
        end else begin : g_replay
            (* ram_style = "distributed" *)
            reg [WIDTH-1:0] vector [0:FOLDS-1];
            reg [WIDTH-1:0] word;
            always @(posedge clk) begin
                if (in_pop) vector[fold] <= in_head;
                word <= reads ? in_head : vector[fold];
            end
            assign x = word;
        end
    endgenerate

endmodule

`default_nettype wire
