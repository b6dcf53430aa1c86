// Written for a test.
//
// folded: MatVec fc1
// 16 inputs, 4 at a time, 6 outputs, 2 at a time.
// 12 steps a frame; a word is 4 cycles behind the step that writes it.

`default_nettype none

module folded_fc1 (
    input  wire       clk,
    input  wire       rst,
    input  wire       in_valid,
    input  wire [9:0] in_head,    // 4 lanes of mixed formats
    output wire       in_pop,
    input  wire       out_ready,
    output wire       out_take,   // keeps a place for a word
    output wire       out_push,   // the word, in that place
    output wire [9:0] out_data    // 2 of s5
);

    wire [9:0] x;
    wire go;
    wire first;
    wire last;
    wire [3:0] index;

    bw_vector #(.WIDTH(10), .FOLDS(4), .BLOCKS(3), .GROUPS(1)) front (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop),
        .out_ready(out_ready), .out_take(out_take), .x(x), .go(go), .first(first), .last(last),
        .index(index)
    );

    // 12 words of weights: (group, block, fold), unit 0 lane 0 lowest
    wire [23:0] weights;

    bw_rom #(.WIDTH(24), .WORDS(12), .BLOCK(0), .FILE("folded_fc1_weights.hex")) rom_weights (
        .clk(clk), .index(index), .word(weights)
    );

    // the flags of a step, beside its dot products
    wire dot_go;

    bw_valid #(.LATENCY(1)) dot_go_late (
        .clk(clk), .rst(rst), .in_valid(go), .out_valid(dot_go)
    );
    wire dot_first;

    bw_valid #(.LATENCY(1)) dot_first_late (
        .clk(clk), .rst(rst), .in_valid(first), .out_valid(dot_first)
    );
    wire dot_last;

    bw_valid #(.LATENCY(1)) dot_last_late (
        .clk(clk), .rst(rst), .in_valid(last), .out_valid(dot_last)
    );

    // a dot product and an accumulator for each unit
    wire [15:0] dots;
    wire [21:0] total;
    wire [1:0] done;

    folded_fc1_dot dot_0 (
        .clk(clk), .x(x), .w(weights[11:0]), .y(dots[7:0])
    );

    bw_accumulate #(.IN(8), .OUT(11)) sum_0 (
        .clk(clk), .rst(rst), .x(dots[7:0]), .go(dot_go), .first(dot_first), .last(dot_last),
        .total(total[10:0]), .done(done[0])
    );

    folded_fc1_dot dot_1 (
        .clk(clk), .x(x), .w(weights[23:12]), .y(dots[15:8])
    );

    bw_accumulate #(.IN(8), .OUT(11)) sum_1 (
        .clk(clk), .rst(rst), .x(dots[15:8]), .go(dot_go), .first(dot_first), .last(dot_last),
        .total(total[21:11]), .done(done[1])
    );

    // all units are done at once
    wire finished = done[0];

    // what happens to each word at the end
    wire [9:0] y;
    wire [1:0] phase;

    bw_count #(.N(3)) phases (
        .clk(clk), .rst(rst), .go(finished), .phase(phase)
    );

    folded_fc1_tail tail (
        .clk(clk), .x(total), .phase(phase), .y(y)
    );
    wire push;

    bw_valid #(.LATENCY(1)) push_late (
        .clk(clk), .rst(rst), .in_valid(finished), .out_valid(push)
    );

    // the word in the lanes of the result
    assign out_data = y;
    assign out_push = push;

    // what nothing needs here
    wire unused = &{1'b0, done[1]};

endmodule

`default_nettype wire
