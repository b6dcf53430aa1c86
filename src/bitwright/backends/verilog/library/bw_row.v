// A table of up to five address bits added to an operand, a LUT a bit for both (Xilinx cells).
//
// y = A + T + CONSTANT modulo 2**WIDTH, where A is `a` with the bits outside A_BITS left out, and bit i of T, for i in
// T_BITS, is bit `code` of TABLE[32*i +: 32]. No bit of CONSTANT lies in a column of T, nor where it would meet a carry
// and a bit of A that FIRST leaves out. Column i of the chain:
//
//     O6 = T[i](code) ^ a[i]     to the carry cell's S, from one LUT6
//     DI = a[i]
//
// Columns below FIRST are wires and tables alone.
//
// PRIMITIVES = 1 places LUT5, LUT6 and CARRY4 (as bw_sum does), PRIMITIVES = 0 says the same in plain Verilog.

`default_nettype none

module bw_row #(
    parameter WIDTH = 1,
    parameter [WIDTH-1:0] A_BITS = 0,
    parameter [WIDTH-1:0] T_BITS = 0,
    parameter [WIDTH-1:0] CONSTANT = 0,
    parameter [32*WIDTH-1:0] TABLE = 0,
    parameter FIRST = 0,
`ifdef SYNTHESIS
    parameter PRIMITIVES = 1
`else
    parameter PRIMITIVES = 0
`endif
) (
    input  wire [WIDTH-1:0] a,
    input  wire [4:0]       code,
    output wire [WIDTH-1:0] y
);

    genvar i;
    generate
        if (PRIMITIVES == 0) begin : g_plain
            wire [WIDTH-1:0] table_bits;
            for (i = 0; i < WIDTH; i = i + 1) begin : g_bit
                localparam [31:0] CONTENTS = TABLE[32*i+:32];
                assign table_bits[i] = T_BITS[i] & CONTENTS[code];
            end
            assign y = (a & A_BITS) + table_bits + CONSTANT;
        end else begin : g_cells
            wire [WIDTH-1:0] s;
            wire [WIDTH-1:0] di;

            for (i = 0; i < WIDTH; i = i + 1) begin : g_column
                localparam [31:0] CONTENTS = TABLE[32*i+:32];
                if (T_BITS[i] && A_BITS[i]) begin : g_both
                    LUT6 #(.INIT({~CONTENTS, CONTENTS})) u_lut (
                        .O(s[i]), .I0(code[0]), .I1(code[1]), .I2(code[2]), .I3(code[3]), .I4(code[4]), .I5(a[i])
                    );
                    assign di[i] = a[i];
                end else if (T_BITS[i]) begin : g_table
                    LUT5 #(.INIT(CONTENTS)) u_lut (
                        .O(s[i]), .I0(code[0]), .I1(code[1]), .I2(code[2]), .I3(code[3]), .I4(code[4])
                    );
                    assign di[i] = 1'b0;
                end else begin : g_wire
                    assign s[i] = (A_BITS[i] & a[i]) ^ CONSTANT[i];
                    assign di[i] = CONSTANT[i];
                end
            end

            if (FIRST > 0) begin : g_low
                assign y[FIRST-1:0] = s[FIRST-1:0];
            end
            if (FIRST < WIDTH) begin : g_chain
                bw_carry #(.WIDTH(WIDTH - FIRST), .ENTERS(0)) u_chain (
                    .s(s[WIDTH-1:FIRST]), .di(di[WIDTH-1:FIRST]), .o(y[WIDTH-1:FIRST])
                );
            end
        end
    endgenerate

endmodule

`default_nettype wire
