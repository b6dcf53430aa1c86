// Written for a test.
//
// folded: MatVec fc2
// 6 inputs, 6 at a time, 5 outputs, 5 at a time.
// 1 step a frame; a word is 2 cycles behind the step that writes it.

`default_nettype none

module folded_fc2 (
    input  wire        clk,
    input  wire        rst,
    input  wire        in_valid,
    input  wire [29:0] in_head,    // 6 of s5
    output wire        in_pop,
    input  wire        out_ready,
    output wire        out_take,   // keeps a place for a word
    output wire        out_push,   // the word, in that place
    output wire [24:0] out_data    // 5 of s5
);

    wire [29:0] x;
    wire go;
    wire first;
    wire last;
    wire index;

    bw_vector #(.WIDTH(30), .FOLDS(1), .BLOCKS(1), .GROUPS(1)) front (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop),
        .out_ready(out_ready), .out_take(out_take), .x(x), .go(go), .first(first), .last(last),
        .index(index)
    );

    // one word of weights
    wire [89:0] weights = {3'd7, 3'd1, 3'd1, 3'd3, 3'd0, 3'd7, 3'd3, 3'd5, 3'd5, 3'd5, 3'd6, 3'd6,
        3'd1, 3'd6, 3'd6, 3'd3, 3'd4, 3'd4, 3'd1, 3'd0, 3'd0, 3'd1, 3'd7, 3'd6, 3'd7, 3'd6, 3'd4,
        3'd2, 3'd2, 3'd2};

    // the flags of a step, beside its dot products
    wire dot_go = go;
    wire dot_first = first;
    wire dot_last = last;

    // a dot product and an accumulator for each unit
    wire [49:0] dots;
    wire [49:0] total;
    wire [4:0] done;

    folded_fc2_dot dot_0 (
        .clk(clk), .x(x), .w(weights[17:0]), .y(dots[9:0])
    );

    bw_accumulate #(.IN(10), .OUT(10)) sum_0 (
        .clk(clk), .rst(rst), .x(dots[9:0]), .go(dot_go), .first(dot_first), .last(dot_last),
        .total(total[9:0]), .done(done[0])
    );

    folded_fc2_dot dot_1 (
        .clk(clk), .x(x), .w(weights[35:18]), .y(dots[19:10])
    );

    bw_accumulate #(.IN(10), .OUT(10)) sum_1 (
        .clk(clk), .rst(rst), .x(dots[19:10]), .go(dot_go), .first(dot_first), .last(dot_last),
        .total(total[19:10]), .done(done[1])
    );

    folded_fc2_dot dot_2 (
        .clk(clk), .x(x), .w(weights[53:36]), .y(dots[29:20])
    );

    bw_accumulate #(.IN(10), .OUT(10)) sum_2 (
        .clk(clk), .rst(rst), .x(dots[29:20]), .go(dot_go), .first(dot_first), .last(dot_last),
        .total(total[29:20]), .done(done[2])
    );

    folded_fc2_dot dot_3 (
        .clk(clk), .x(x), .w(weights[71:54]), .y(dots[39:30])
    );

    bw_accumulate #(.IN(10), .OUT(10)) sum_3 (
        .clk(clk), .rst(rst), .x(dots[39:30]), .go(dot_go), .first(dot_first), .last(dot_last),
        .total(total[39:30]), .done(done[3])
    );

    folded_fc2_dot dot_4 (
        .clk(clk), .x(x), .w(weights[89:72]), .y(dots[49:40])
    );

    bw_accumulate #(.IN(10), .OUT(10)) sum_4 (
        .clk(clk), .rst(rst), .x(dots[49:40]), .go(dot_go), .first(dot_first), .last(dot_last),
        .total(total[49:40]), .done(done[4])
    );

    // all units are done at once
    wire finished = done[0];

    // what happens to each word at the end
    wire [24:0] y;

    folded_fc2_tail tail (
        .clk(clk), .x(total), .y(y)
    );
    wire push = finished;

    // the word in the lanes of the result
    assign out_data = y;
    assign out_push = push;

    // what nothing needs here
    wire unused = &{1'b0, index, done[4:1]};

endmodule

`default_nettype wire
