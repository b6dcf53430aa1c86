// What ECP5 cells do after packing, as nextpnr writes them: one LUT of a slice, one flip-flop, and hard blocks.
//
// Sources: Lattice TN1262 (sysCLOCK, slices), the bitstream documentation of project Trellis. Unconnected inputs are tied
// before these are read (see routed.py).

// A LUT of a slice: logic, half of a carry cell, or a column of distributed memory. K1 is set for the upper LUT of a
// slice, whose multiplexer joins those of slices.
module TRELLIS_COMB (
    input A, B, C, D, M, FCI, F1, FXA, FXB, WD, WAD0, WAD1, WAD2, WAD3, WRE, WCK, DI0, DI1,
    output F, FCO, OFX
);
    parameter MODE = "LOGIC";
    parameter [15:0] INITVAL = 16'h0;
    parameter CCU2_INJECT1 = "NO";
    parameter WREMUX = "WRE";
    parameter [0:0] K1 = 1'b0;

    wire whole = INITVAL[{D, C, B, A}];
    wire low = INITVAL[{2'b00, B, A}];
    wire joins = CCU2_INJECT1 != "YES";
    wire write = (WREMUX == "1") ? 1'b1 : (WREMUX == "INV") ? ~WRE : WRE;

    generate
        if (MODE == "CCU2") begin : g_carry
            assign F = whole ^ (FCI & joins);
            assign FCO = whole ? FCI : (low & joins);
        end else if (MODE == "DPRAM") begin : g_memory
            reg [15:0] memory = INITVAL;
            always @(posedge WCK) if (write) memory[{WAD3, WAD2, WAD1, WAD0}] <= WD;
            assign F = memory[{A, C, B, D}];
            assign FCO = 1'b0;
        end else begin : g_logic
            assign F = whole;
            assign FCO = 1'b0;
        end
        if (K1) begin : g_upper
            assign OFX = M ? FXB : FXA;
        end else begin : g_lower
            assign OFX = M ? F1 : F;
        end
    endgenerate
endmodule

// The write port of a distributed memory: the inputs of two LUTs as data and address of the two beside them.
module TRELLIS_RAMW (
    input A0, A1, B0, B1, C0, C1, D0, D1,
    output WDO0, WDO1, WDO2, WDO3, WADO0, WADO1, WADO2, WADO3
);
    assign {WDO3, WDO2, WDO1, WDO0} = {B1, D1, A1, C1};
    assign {WADO3, WADO2, WADO1, WADO0} = {A0, C0, B0, D0};
endmodule

// Synchronous set or reset, as the designs here ask for; an asynchronous one is refused by routed.py.
module TRELLIS_FF (input CLK, LSR, CE, DI, M, output reg Q);
    parameter SD = "0";
    parameter REGSET = "RESET";
    parameter SRMODE = "LSR_OVER_CE";
    parameter CEMUX = "CE";
    parameter LSRMUX = "LSR";
    parameter CLKMUX = "CLK";
    parameter GSR = "DISABLED";

    wire clock = (CLKMUX == "INV") ? ~CLK : CLK;
    wire enable = (CEMUX == "1") ? 1'b1 : (CEMUX == "INV") ? ~CE : CE;
    wire load = (LSRMUX == "INV") ? ~LSR : LSR;
    wire data = (SD == "1") ? DI : M;
    localparam SET = REGSET == "SET";

    initial Q = SET;
    generate
        if (SRMODE == "CE_OVER_LSR") begin : g_enabled
            always @(posedge clock) if (enable) Q <= load ? SET : data;
        end else begin : g_always
            always @(posedge clock) if (load) Q <= SET; else if (enable) Q <= data;
        end
    endgenerate
endmodule
