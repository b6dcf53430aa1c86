// bw_interleave: three arguments in turns of one, two and three words.
//
//     $ iverilog -g2005 -s bw_interleave_bench -o bench.vvp bw_interleave_bench.v bw_front_driver.v ../bw_*.v
//     $ vvp bench.vvp

`default_nettype none

module bw_interleave_bench;

    parameter IN = 9;
    localparam OUT = IN;
    localparam PORTS = 3;
    localparam LATENCY = 1;
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

    bw_interleave #(.WIDTH(IN), .PORTS(PORTS), .COUNTS({32'd3, 32'd2, 32'd1})) dut (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .x(x), .go(go)
    );

    always @(number) begin
        case (number % 6)
            0: wanted = driver.word(number / 6, 0);
            1, 2: wanted = driver.word(number / 6 * 2 + number % 6 - 1, 1);
            default: wanted = driver.word(number / 6 * 3 + number % 6 - 3, 2);
        endcase
    end

endmodule

`default_nettype wire
