// bw_convert: lane after lane in words of another width.
//
//     $ iverilog -g2005 -s bw_convert_bench -o bench.vvp bw_convert_bench.v bw_front_driver.v ../bw_*.v
//     $ vvp bench.vvp

`default_nettype none

module bw_convert_bench;

    parameter WIDTH = 5;
    parameter GIVEN = 4;
    parameter TAKEN = 6;
    localparam IN = WIDTH * GIVEN;
    localparam OUT = WIDTH * TAKEN;
    localparam LATENCY = 1;
    localparam PORTS = 1;
    wire clk, rst, out_ready, out_take, go;
    wire [PORTS-1:0] in_valid, in_pop;
    wire [PORTS*IN-1:0] in_head;
    wire [OUT-1:0] x;
    wire [31:0] number;
    reg [OUT-1:0] wanted;

    bw_front_driver #(.IN(IN), .OUT(OUT), .PORTS(PORTS), .LATENCY(LATENCY)) driver (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .go(go), .x(x), .number(number), .wanted(wanted)
    );

    bw_convert #(.WIDTH(WIDTH), .IN(GIVEN), .OUT(TAKEN)) dut (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .x(x), .go(go)
    );

    integer i, lane;
    reg [IN-1:0] given;
    always @(number) begin
        for (i = 0; i < TAKEN; i = i + 1) begin
            lane = number * TAKEN + i;
            given = driver.word(lane / GIVEN, 0);
            wanted[WIDTH*i+:WIDTH] = given[WIDTH*(lane%GIVEN)+:WIDTH];
        end
    end

endmodule

`default_nettype wire
