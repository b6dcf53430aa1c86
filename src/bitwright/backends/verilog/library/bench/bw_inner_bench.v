// bw_inner with bw_accumulate: sums of products of two streams' words.
//
//     $ iverilog -g2005 -s bw_inner_bench -o bench.vvp bw_inner_bench.v bw_front_driver.v ../bw_*.v
//     $ vvp bench.vvp

`default_nettype none

module bw_inner_bench;

    parameter FOLDS = 3;
    localparam IN = 12;
    localparam OUT = 20;
    localparam LATENCY = 2;
    localparam PORTS = 1;
    wire clk, rst, out_ready, out_take, go, first, last, done;
    wire [PORTS-1:0] in_valid, in_pop;
    wire [PORTS*IN-1:0] in_head;
    wire [IN-1:0] x;
    wire [OUT-1:0] total;
    wire [31:0] number;
    reg [OUT-1:0] wanted;

    bw_front_driver #(.IN(IN), .OUT(OUT), .PORTS(PORTS), .LATENCY(LATENCY)) driver (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .go(done), .x(total), .number(number), .wanted(wanted)
    );

    bw_inner #(.WIDTH(IN), .FOLDS(FOLDS)) dut (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .x(x), .go(go), .first(first), .last(last)
    );

    wire signed [11:0] product = $signed(x[5:0]) * $signed(x[11:6]);
    bw_accumulate #(.IN(12), .OUT(OUT)) accumulate (
        .clk(clk), .rst(rst), .x(product), .go(go), .first(first), .last(last), .total(total), .done(done)
    );

    integer fold;
    reg [IN-1:0] given;
    reg signed [5:0] a, b;
    integer sum;
    always @(number) begin
        sum = 0;
        for (fold = 0; fold < FOLDS; fold = fold + 1) begin
            given = driver.word(number * FOLDS + fold, 0);
            a = given[5:0];
            b = given[11:6];
            sum = sum + a * b;
        end
        wanted = sum;
    end

endmodule

`default_nettype wire
