// The sum of up to three operands and a constant on one carry chain, a LUT a bit at most (Xilinx cells).
//
// y = A + B + C + CONSTANT + (FREE << FIRST) + REST modulo 2**WIDTH, where A is `a` with the bits of
// A_INVERTED inverted and those outside A_BITS left out, and so on. Column i adds up to three bits (a bit of
// CONSTANT counts as one) and k[i], the carry that column i-1 saved where SAVED has bit i:
//
//     O6 = bit ^ bit ^ bit ^ k[i]              to the carry cell's S
//     O5 = majority(bit, bit, bit) = k[i+1]    from the same LUT6_2
//     DI = k[i], or one of two bits where no k enters
//
// Columns below FIRST are wires, and so are columns where only one signal meets a carry. REST is added by
// a second chain without LUTs. FREE is 0, 1 (the carry input) or 2 (the first k as well).
//
// PRIMITIVES = 1 places LUT6_2 and CARRY4 (7 series; UltraScale and UltraScale+ retarget CARRY4 to CARRY8),
// PRIMITIVES = 0 says the same sum in plain Verilog. Simulators take the plain form unless told otherwise, so
// that they need no vendor models.

`default_nettype none

module bw_sum #(
    parameter WIDTH = 1,
    parameter [WIDTH-1:0] A_BITS = 0,
    parameter [WIDTH-1:0] A_INVERTED = 0,
    parameter [WIDTH-1:0] B_BITS = 0,
    parameter [WIDTH-1:0] B_INVERTED = 0,
    parameter [WIDTH-1:0] C_BITS = 0,
    parameter [WIDTH-1:0] C_INVERTED = 0,
    parameter [WIDTH-1:0] CONSTANT = 0,
    parameter [WIDTH-1:0] SAVED = 0,
    parameter [WIDTH-1:0] REST = 0,
    parameter FREE = 0,
    parameter FIRST = 0,
`ifdef SYNTHESIS
    parameter PRIMITIVES = 1
`else
    parameter PRIMITIVES = 0
`endif
) (
    input  wire [WIDTH-1:0] a,
    input  wire [WIDTH-1:0] b,
    input  wire [WIDTH-1:0] c,
    output wire [WIDTH-1:0] y
);

    // The bits of each operand as they are added.
    wire [WIDTH-1:0] a_bits = (a ^ A_INVERTED) & A_BITS;
    wire [WIDTH-1:0] b_bits = (b ^ B_INVERTED) & B_BITS;
    wire [WIDTH-1:0] c_bits = (c ^ C_INVERTED) & C_BITS;

    // The truth table of one column's LUT6_2: inputs a, b, c, k from I0 up, O6 above O5.
    function [63:0] init(input [2:0] present, input [2:0] inverted, input one, input saved);
        integer row;
        reg [2:0] bits;
        reg k;
        begin
            init = 64'd0;
            for (row = 0; row < 32; row = row + 1) begin
                bits = (row[2:0] ^ inverted) & present;
                k = row[3] & saved;
                init[32 + row] = (^bits) ^ one ^ k;
                init[row] = (bits[0] & bits[1]) | (bits[0] & bits[2]) | (bits[1] & bits[2]) | (one & (|bits));
            end
        end
    endfunction

    genvar i;
    generate
        if (PRIMITIVES == 0) begin : g_plain
            localparam [WIDTH-1:0] ENTERING = FREE;
            assign y = a_bits + b_bits + c_bits + CONSTANT + (ENTERING << FIRST) + REST;
        end else begin : g_cells
            wire [WIDTH-1:0] total;  // the sum without REST
            wire [WIDTH-1:0] s;      // the chain's inputs
            wire [WIDTH-1:0] di;
            wire [WIDTH:FIRST] k;    // saved carries

            assign k[FIRST] = FREE > 1;

            for (i = 0; i < WIDTH; i = i + 1) begin : g_column
                localparam integer OPERANDS = A_BITS[i] + B_BITS[i] + C_BITS[i];
                localparam integer BITS = OPERANDS + CONSTANT[i];
                // An operand that stands in this column as it is, if there is one: DI takes no inverter.
                localparam PLAIN_A = A_BITS[i] & ~A_INVERTED[i];
                localparam PLAIN_B = B_BITS[i] & ~B_INVERTED[i];
                wire any = a_bits[i] | b_bits[i] | c_bits[i];
                wire odd = a_bits[i] ^ b_bits[i] ^ c_bits[i] ^ CONSTANT[i];

                if (i < FIRST) begin : g_wire
                    assign total[i] = odd;
                    assign s[i] = 1'b0;
                    assign di[i] = 1'b0;
                end else begin : g_sum
                    localparam ENTERS = SAVED[i] || (i == FIRST && FREE > 1);
                    localparam SAVES = i + 1 < WIDTH && ((SAVED >> (i + 1)) & 1) == 1;

                    if (SAVES && OPERANDS > 1) begin : g_lut
                        LUT6_2 #(
                            .INIT(init({C_BITS[i], B_BITS[i], A_BITS[i]}, {C_INVERTED[i], B_INVERTED[i], A_INVERTED[i]},
                                       CONSTANT[i], ENTERS))
                        ) u_lut (
                            .O6(s[i]), .O5(k[i+1]), .I0(A_BITS[i] & a[i]), .I1(B_BITS[i] & b[i]), .I2(C_BITS[i] & c[i]),
                            .I3(ENTERS & k[i]), .I4(1'b0), .I5(1'b1)
                        );
                    end else begin : g_signal
                        assign s[i] = odd ^ (ENTERS & k[i]);
                        assign k[i+1] = SAVES & any;
                    end

                    if (ENTERS) begin : g_saved
                        assign di[i] = k[i];
                    end else if (BITS == 2) begin : g_two
                        assign di[i] = CONSTANT[i] ? 1'b1 : PLAIN_A ? a[i] : PLAIN_B ? b[i] :
                                       C_BITS[i] ? c_bits[i] : b_bits[i];
                    end else begin : g_none
                        assign di[i] = 1'b0;
                    end
                end
            end

            if (FIRST < WIDTH) begin : g_chain
                bw_carry #(.WIDTH(WIDTH - FIRST), .ENTERS(FREE > 0)) u_chain (
                    .s(s[WIDTH-1:FIRST]), .di(di[WIDTH-1:FIRST]), .o(total[WIDTH-1:FIRST])
                );
            end

            if (REST == 0) begin : g_whole
                assign y = total;
            end else begin : g_rest
                bw_carry #(.WIDTH(WIDTH), .ENTERS(0)) u_chain (.s(total ^ REST), .di(REST), .o(y));
            end
        end
    endgenerate

endmodule

`default_nettype wire
