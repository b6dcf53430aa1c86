// What an iCE40 logic cell does after packing, as nextpnr writes it.
//
// Source: Lattice's iCE40 LP/HX family data sheet (programmable logic blocks). Unconnected inputs are tied before these
// are read (see routed.py).

module ICESTORM_LC (input I0, I1, I2, I3, CIN, CLK, CEN, SR, output LO, O, COUT);
    parameter [15:0] LUT_INIT = 16'h0;
    parameter [0:0] NEG_CLK = 0;
    parameter [0:0] CARRY_ENABLE = 0;
    parameter [0:0] DFF_ENABLE = 0;
    parameter [0:0] SET_NORESET = 0;
    parameter [0:0] ASYNC_SR = 0;
    parameter [0:0] CIN_CONST = 0;
    parameter [0:0] CIN_SET = 0;

    wire carry = CIN_CONST ? CIN_SET : CIN;
    wire value = LUT_INIT[{I3, I2, I1, I0}];
    wire clock = CLK ^ NEG_CLK;

    assign COUT = (I1 & I2) | ((I1 | I2) & carry);
    assign LO = value;
    generate
        if (~DFF_ENABLE) begin : g_through
            assign O = value;
        end else if (ASYNC_SR) begin : g_asynchronous
            reg held = 1'b0;
            always @(posedge clock, posedge SR) if (SR) held <= SET_NORESET; else if (CEN) held <= value;
            assign O = held;
        end else begin : g_synchronous
            reg held = 1'b0;
            always @(posedge clock) if (CEN) held <= SR ? SET_NORESET : value;
            assign O = held;
        end
    endgenerate
endmodule
