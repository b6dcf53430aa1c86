// Numbers words 0, 1, ..., N - 1, 0, ...: `phase` is the number of the word that `go` marks in the same cycle.

`default_nettype none

module bw_count #(
    parameter N = 2,
    parameter BITS = N > 1 ? $clog2(N) : 1
) (
    input  wire            clk,
    input  wire            rst,
    input  wire            go,
    output wire [BITS-1:0] phase
);

    generate
        if (N == 1) begin : g_one
            wire unused = &{1'b0, clk, rst, go};
            assign phase = 1'b0;
        end else begin : g_count
            localparam [31:0] LAST = N - 1;
            reg [BITS-1:0] number;
            // A power of two wraps by itself.
            wire wraps = N != 1 << BITS && number == LAST[BITS-1:0];
            always @(posedge clk) begin
                if (rst) number <= {BITS{1'b0}};
                else if (go) number <= wraps ? {BITS{1'b0}} : number + 1'b1;
            end
            assign phase = number;
        end
    endgenerate

endmodule

`default_nettype wire
