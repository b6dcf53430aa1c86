// A carry chain of CARRY4 cells: o[i] = s[i] ^ carry[i], carry[i+1] = s[i] ? carry[i] : di[i].
//
// The first carry is 1 where ENTERS is not 0; the last one is left out. Part of bw_sum.

`default_nettype none

module bw_carry #(
    parameter WIDTH = 1,
    parameter ENTERS = 0
) (
    input  wire [WIDTH-1:0] s,
    input  wire [WIDTH-1:0] di,
    output wire [WIDTH-1:0] o
);

    localparam CELLS = (WIDTH + 3) / 4;

    wire [4*CELLS-1:0] s_all = s;  // columns above the sum are idle
    wire [4*CELLS-1:0] di_all = di;
    wire [4*CELLS-1:0] o_all;
    wire [4*CELLS-1:0] carry;

    genvar n;
    generate
        for (n = 0; n < CELLS; n = n + 1) begin : g_cell
            if (n == 0) begin : g_first
                CARRY4 u_carry (
                    .CO(carry[3:0]), .O(o_all[3:0]), .CI(1'b0), .CYINIT(ENTERS != 0), .DI(di_all[3:0]), .S(s_all[3:0])
                );
            end else begin : g_next
                CARRY4 u_carry (
                    .CO(carry[4*n+3:4*n]), .O(o_all[4*n+3:4*n]), .CI(carry[4*n-1]), .CYINIT(1'b0),
                    .DI(di_all[4*n+3:4*n]), .S(s_all[4*n+3:4*n])
                );
            end
        end
    endgenerate

    assign o = o_all[WIDTH-1:0];

endmodule

`default_nettype wire
