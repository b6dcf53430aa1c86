// Written for a test.
//
// Self-checking bench of tiny. In this folder:
//     $ iverilog -g2005 -s tiny_tb -o tiny_tb.vvp ../rtl/*.v bw_bench.v tiny_tb.v && vvp tiny_tb.vvp
//     $ verilator --binary --top-module tiny_tb ../rtl/*.v bw_bench.v tiny_tb.v && obj_dir/Vtiny_tb

`default_nettype none

module tiny_tb;

    wire clk;
    wire rst;
    wire in_valid;
    wire out_valid;
    wire [11:0] stimulus;
    wire [9:0] answer;

    tiny dut (
        .clk(clk), .rst(rst), .in_valid(in_valid), .out_valid(out_valid), .x(stimulus[11:0]),
        .y(answer[9:0])
    );

    bw_bench #(
        .IN_BITS(12), .OUT_BITS(10), .VECTORS(3), .LATENCY(2), .CHECK_VALID(1), .IN_FILE("tiny_in.hex"),
        .OUT_FILE("tiny_out.hex")
    ) bench (
        .clk(clk), .rst(rst), .in_valid(in_valid), .stimulus(stimulus), .out_valid(out_valid),
        .answer(answer)
    );

endmodule

`default_nettype wire
