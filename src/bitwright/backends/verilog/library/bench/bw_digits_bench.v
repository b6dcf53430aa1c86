// bw_digits: signed elements come out digit by digit, the highest first.
//
//     $ iverilog -g2005 -s bw_digits_bench -o bench.vvp bw_digits_bench.v bw_front_driver.v ../bw_*.v
//     $ vvp bench.vvp

`default_nettype none

module bw_digits_bench;

    parameter LANES = 3;
    parameter WIDTH = 7;
    parameter SIGNED = 1;
    parameter BITS = 3;
    parameter COUNT = 3;
    localparam IN = WIDTH * LANES;
    localparam OUT = BITS * LANES;
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

    bw_digits #(.LANES(LANES), .WIDTH(WIDTH), .SIGNED(SIGNED), .BITS(BITS), .COUNT(COUNT)) dut (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .x(x), .go(go)
    );

    integer lane;
    reg [IN-1:0] given;
    reg [31:0] element;
    always @(number) begin
        given = driver.word(number / COUNT, 0);
        for (lane = 0; lane < LANES; lane = lane + 1) begin
            element = given[WIDTH*lane+:WIDTH];
            if (SIGNED != 0) element = (element + (1 << (WIDTH - 1))) % (1 << WIDTH);
            wanted[BITS*lane+:BITS] = element >> BITS * (COUNT - 1 - number % COUNT);
        end
    end

endmodule

`default_nettype wire
