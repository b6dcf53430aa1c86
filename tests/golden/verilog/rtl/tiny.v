// Written for a test.
//
// tiny: a fixed pipeline; latency 2 clock cycles, a new sample in every cycle (II = 1).
// Buses hold their elements in C order, element 0 in the lowest bits, without gaps; codes are two's
// complement where signed. Format s8.3: signed, 8 bits, 3 of them after the point. See docs/ports.md.
//     input  x: 3 of mixed formats
//     output y: 1 x 2 of s5.2

`default_nettype none

module tiny (
    input  wire        clk,
    input  wire        rst,
    input  wire        in_valid,
    output wire        out_valid,
    input  wire [11:0] x,          // 3 of mixed formats
    output wire [9:0]  y           // 1 x 2 of s5.2
);

    tiny_core u_pipeline (
        .clk(clk), .ce(1'b1), .x(x), .y(y)
    );

    bw_valid #(.LATENCY(2)) u_bw_valid (
        .clk(clk), .rst(rst), .in_valid(in_valid), .out_valid(out_valid)
    );

endmodule

`default_nettype wire
