// bw_reduce: sums and maxima of signed elements over blocks of words.
//
//     $ iverilog -g2005 -s bw_reduce_bench -o bench.vvp bw_reduce_bench.v bw_front_driver.v ../bw_*.v
//     $ vvp bench.vvp

`default_nettype none

module bw_reduce_bench;

    parameter LANES = 2;
    parameter COUNT = 3;
    parameter WORDS = 4;
    parameter MAX = 0;
    localparam IN = 6 * LANES;
    localparam OUT = 8 * LANES;
    localparam LATENCY = 2;
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

    bw_reduce #(.LANES(LANES), .IN(6), .OUT(8), .COUNT(COUNT), .WORDS(WORDS), .MAX(MAX)) dut (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .x(x), .go(go)
    );

    integer lane, block, n;
    reg [IN-1:0] given;
    reg signed [5:0] element;
    integer total;
    always @(number) begin
        for (lane = 0; lane < LANES; lane = lane + 1) begin
            total = MAX != 0 ? -1000 : 0;
            for (block = 0; block < COUNT; block = block + 1) begin
                n = (number / WORDS * COUNT + block) * WORDS + number % WORDS;
                given = driver.word(n, 0);
                element = given[6*lane+:6];
                if (MAX == 0) total = total + element;
                else if (element > total) total = element;
            end
            wanted[8*lane+:8] = total;
        end
    end

endmodule

`default_nettype wire
