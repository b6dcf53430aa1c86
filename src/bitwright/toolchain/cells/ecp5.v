// What ECP5 cells do after packing, as nextpnr writes them: one LUT of a slice, one flip-flop, and hard blocks.
//
// Sources: Lattice TN1262 (sysCLOCK, slices), the bitstream documentation of project Trellis. Open inputs are tied before
// these are read (see routed.py).

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

// One port's view of a block of 1024 words of 18 bits: where a word of `WIDTH` bits lies. Narrow words leave out every
// ninth bit.
module BW_ECP5_PLACE #(parameter WIDTH = 18) (input [13:0] place, output [9:0] word, output [4:0] low);
    assign word = place[13:4];
    assign low = (WIDTH == 9) ? (place[3] ? 5'd9 : 5'd0)
        : (WIDTH == 4) ? (place[3] ? 5'd9 : 5'd0) + {2'd0, place[2], 2'd0}
        : (WIDTH == 2) ? (place[3] ? 5'd9 : 5'd0) + {2'd0, place[2:1], 1'd0}
        : (WIDTH == 1) ? (place[3] ? 5'd9 : 5'd0) + {2'd0, place[2:0]} : 5'd0;
endmodule

// A block memory without output registers: two ports of 1 to 18 bits, or (A of 36 bits) one to write and one to read.
module DP16KD (
    input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4, DIA3, DIA2,
        DIA1, DIA0,
    input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
    input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
    output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
        DOA1, DOA0,
    input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4, DIB3, DIB2,
        DIB1, DIB0,
    input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
    input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
    output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
        DOB1, DOB0
);
    parameter DATA_WIDTH_A = 18;
    parameter DATA_WIDTH_B = 18;
    parameter WRITEMODE_A = "NORMAL";
    parameter WRITEMODE_B = "NORMAL";
    parameter CEAMUX = "CEA";
    parameter WEAMUX = "WEA";
    parameter CLKAMUX = "CLKA";
    parameter CEBMUX = "CEB";
    parameter WEBMUX = "WEB";
    parameter CLKBMUX = "CLKB";
    parameter [319:0] INITVAL_00 = 320'h0;
    parameter [319:0] INITVAL_01 = 320'h0;
    parameter [319:0] INITVAL_02 = 320'h0;
    parameter [319:0] INITVAL_03 = 320'h0;
    parameter [319:0] INITVAL_04 = 320'h0;
    parameter [319:0] INITVAL_05 = 320'h0;
    parameter [319:0] INITVAL_06 = 320'h0;
    parameter [319:0] INITVAL_07 = 320'h0;
    parameter [319:0] INITVAL_08 = 320'h0;
    parameter [319:0] INITVAL_09 = 320'h0;
    parameter [319:0] INITVAL_0A = 320'h0;
    parameter [319:0] INITVAL_0B = 320'h0;
    parameter [319:0] INITVAL_0C = 320'h0;
    parameter [319:0] INITVAL_0D = 320'h0;
    parameter [319:0] INITVAL_0E = 320'h0;
    parameter [319:0] INITVAL_0F = 320'h0;
    parameter [319:0] INITVAL_10 = 320'h0;
    parameter [319:0] INITVAL_11 = 320'h0;
    parameter [319:0] INITVAL_12 = 320'h0;
    parameter [319:0] INITVAL_13 = 320'h0;
    parameter [319:0] INITVAL_14 = 320'h0;
    parameter [319:0] INITVAL_15 = 320'h0;
    parameter [319:0] INITVAL_16 = 320'h0;
    parameter [319:0] INITVAL_17 = 320'h0;
    parameter [319:0] INITVAL_18 = 320'h0;
    parameter [319:0] INITVAL_19 = 320'h0;
    parameter [319:0] INITVAL_1A = 320'h0;
    parameter [319:0] INITVAL_1B = 320'h0;
    parameter [319:0] INITVAL_1C = 320'h0;
    parameter [319:0] INITVAL_1D = 320'h0;
    parameter [319:0] INITVAL_1E = 320'h0;
    parameter [319:0] INITVAL_1F = 320'h0;
    parameter [319:0] INITVAL_20 = 320'h0;
    parameter [319:0] INITVAL_21 = 320'h0;
    parameter [319:0] INITVAL_22 = 320'h0;
    parameter [319:0] INITVAL_23 = 320'h0;
    parameter [319:0] INITVAL_24 = 320'h0;
    parameter [319:0] INITVAL_25 = 320'h0;
    parameter [319:0] INITVAL_26 = 320'h0;
    parameter [319:0] INITVAL_27 = 320'h0;
    parameter [319:0] INITVAL_28 = 320'h0;
    parameter [319:0] INITVAL_29 = 320'h0;
    parameter [319:0] INITVAL_2A = 320'h0;
    parameter [319:0] INITVAL_2B = 320'h0;
    parameter [319:0] INITVAL_2C = 320'h0;
    parameter [319:0] INITVAL_2D = 320'h0;
    parameter [319:0] INITVAL_2E = 320'h0;
    parameter [319:0] INITVAL_2F = 320'h0;
    parameter [319:0] INITVAL_30 = 320'h0;
    parameter [319:0] INITVAL_31 = 320'h0;
    parameter [319:0] INITVAL_32 = 320'h0;
    parameter [319:0] INITVAL_33 = 320'h0;
    parameter [319:0] INITVAL_34 = 320'h0;
    parameter [319:0] INITVAL_35 = 320'h0;
    parameter [319:0] INITVAL_36 = 320'h0;
    parameter [319:0] INITVAL_37 = 320'h0;
    parameter [319:0] INITVAL_38 = 320'h0;
    parameter [319:0] INITVAL_39 = 320'h0;
    parameter [319:0] INITVAL_3A = 320'h0;
    parameter [319:0] INITVAL_3B = 320'h0;
    parameter [319:0] INITVAL_3C = 320'h0;
    parameter [319:0] INITVAL_3D = 320'h0;
    parameter [319:0] INITVAL_3E = 320'h0;
    parameter [319:0] INITVAL_3F = 320'h0;

    wire [17:0] in_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
        DIA3, DIA2, DIA1, DIA0};
    wire [17:0] in_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4,
        DIB3, DIB2, DIB1, DIB0};
    wire [13:0] place_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0};
    wire [13:0] place_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0};
    wire on_a = CEA ^ (CEAMUX == "INV");
    wire on_b = CEB ^ (CEBMUX == "INV");
    wire write_a = WEA ^ (WEAMUX == "INV");
    wire write_b = WEB ^ (WEBMUX == "INV");
    reg [17:0] out_a, out_b;
    assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5, DOA4, DOA3, DOA2,
        DOA1, DOA0} = out_a;
    assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5, DOB4, DOB3, DOB2,
        DOB1, DOB0} = out_b;

    reg [17:0] memory [0:1023];
    integer k;
    initial begin
        for (k = 0; k < 16; k = k + 1) begin
            memory[0 + k] = INITVAL_00[20*k +: 18];
            memory[16 + k] = INITVAL_01[20*k +: 18];
            memory[32 + k] = INITVAL_02[20*k +: 18];
            memory[48 + k] = INITVAL_03[20*k +: 18];
            memory[64 + k] = INITVAL_04[20*k +: 18];
            memory[80 + k] = INITVAL_05[20*k +: 18];
            memory[96 + k] = INITVAL_06[20*k +: 18];
            memory[112 + k] = INITVAL_07[20*k +: 18];
            memory[128 + k] = INITVAL_08[20*k +: 18];
            memory[144 + k] = INITVAL_09[20*k +: 18];
            memory[160 + k] = INITVAL_0A[20*k +: 18];
            memory[176 + k] = INITVAL_0B[20*k +: 18];
            memory[192 + k] = INITVAL_0C[20*k +: 18];
            memory[208 + k] = INITVAL_0D[20*k +: 18];
            memory[224 + k] = INITVAL_0E[20*k +: 18];
            memory[240 + k] = INITVAL_0F[20*k +: 18];
            memory[256 + k] = INITVAL_10[20*k +: 18];
            memory[272 + k] = INITVAL_11[20*k +: 18];
            memory[288 + k] = INITVAL_12[20*k +: 18];
            memory[304 + k] = INITVAL_13[20*k +: 18];
            memory[320 + k] = INITVAL_14[20*k +: 18];
            memory[336 + k] = INITVAL_15[20*k +: 18];
            memory[352 + k] = INITVAL_16[20*k +: 18];
            memory[368 + k] = INITVAL_17[20*k +: 18];
            memory[384 + k] = INITVAL_18[20*k +: 18];
            memory[400 + k] = INITVAL_19[20*k +: 18];
            memory[416 + k] = INITVAL_1A[20*k +: 18];
            memory[432 + k] = INITVAL_1B[20*k +: 18];
            memory[448 + k] = INITVAL_1C[20*k +: 18];
            memory[464 + k] = INITVAL_1D[20*k +: 18];
            memory[480 + k] = INITVAL_1E[20*k +: 18];
            memory[496 + k] = INITVAL_1F[20*k +: 18];
            memory[512 + k] = INITVAL_20[20*k +: 18];
            memory[528 + k] = INITVAL_21[20*k +: 18];
            memory[544 + k] = INITVAL_22[20*k +: 18];
            memory[560 + k] = INITVAL_23[20*k +: 18];
            memory[576 + k] = INITVAL_24[20*k +: 18];
            memory[592 + k] = INITVAL_25[20*k +: 18];
            memory[608 + k] = INITVAL_26[20*k +: 18];
            memory[624 + k] = INITVAL_27[20*k +: 18];
            memory[640 + k] = INITVAL_28[20*k +: 18];
            memory[656 + k] = INITVAL_29[20*k +: 18];
            memory[672 + k] = INITVAL_2A[20*k +: 18];
            memory[688 + k] = INITVAL_2B[20*k +: 18];
            memory[704 + k] = INITVAL_2C[20*k +: 18];
            memory[720 + k] = INITVAL_2D[20*k +: 18];
            memory[736 + k] = INITVAL_2E[20*k +: 18];
            memory[752 + k] = INITVAL_2F[20*k +: 18];
            memory[768 + k] = INITVAL_30[20*k +: 18];
            memory[784 + k] = INITVAL_31[20*k +: 18];
            memory[800 + k] = INITVAL_32[20*k +: 18];
            memory[816 + k] = INITVAL_33[20*k +: 18];
            memory[832 + k] = INITVAL_34[20*k +: 18];
            memory[848 + k] = INITVAL_35[20*k +: 18];
            memory[864 + k] = INITVAL_36[20*k +: 18];
            memory[880 + k] = INITVAL_37[20*k +: 18];
            memory[896 + k] = INITVAL_38[20*k +: 18];
            memory[912 + k] = INITVAL_39[20*k +: 18];
            memory[928 + k] = INITVAL_3A[20*k +: 18];
            memory[944 + k] = INITVAL_3B[20*k +: 18];
            memory[960 + k] = INITVAL_3C[20*k +: 18];
            memory[976 + k] = INITVAL_3D[20*k +: 18];
            memory[992 + k] = INITVAL_3E[20*k +: 18];
            memory[1008 + k] = INITVAL_3F[20*k +: 18];
        end
    end

    wire [9:0] word_a, word_b;
    wire [4:0] low_a, low_b;
    BW_ECP5_PLACE #(.WIDTH(DATA_WIDTH_A)) u_a (.place(place_a), .word(word_a), .low(low_a));
    BW_ECP5_PLACE #(.WIDTH(DATA_WIDTH_B)) u_b (.place(place_b), .word(word_b), .low(low_b));
    wire [17:0] bits_a = (DATA_WIDTH_A == 18) ? {{9{place_a[1]}}, {9{place_a[0]}}} : (18'd1 << DATA_WIDTH_A) - 18'd1;
    wire [17:0] bits_b = (DATA_WIDTH_B == 18) ? {{9{place_b[1]}}, {9{place_b[0]}}} : (18'd1 << DATA_WIDTH_B) - 18'd1;
    wire [17:0] old_a = memory[word_a];
    wire [17:0] old_b = memory[word_b];
    wire [17:0] new_a = (old_a & ~(bits_a << low_a)) | ((in_a & bits_a) << low_a);
    wire [17:0] new_b = (old_b & ~(bits_b << low_b)) | ((in_b & bits_b) << low_b);

    generate
        if (DATA_WIDTH_A == 36) begin : g_wide
            wire [8:0] pair = place_a[13:5];
            wire [35:0] old = {memory[{pair, 1'b1}], memory[{pair, 1'b0}]};
            wire [35:0] mask = {{9{place_a[3]}}, {9{place_a[2]}}, {9{place_a[1]}}, {9{place_a[0]}}};
            wire [35:0] next = (old & ~mask) | ({in_b, in_a} & mask);
            always @(posedge (CLKA ^ (CLKAMUX == "INV"))) begin
                if (on_a & write_a) begin
                    memory[{pair, 1'b0}] <= next[17:0];
                    memory[{pair, 1'b1}] <= next[35:18];
                end
            end
            always @(posedge (CLKB ^ (CLKBMUX == "INV"))) begin
                if (on_b && DATA_WIDTH_B == 36) begin
                    out_a <= memory[{place_b[13:5], 1'b0}];
                    out_b <= memory[{place_b[13:5], 1'b1}];
                end else if (on_b) begin
                    out_b <= old_b >> low_b;
                end
            end
        end else begin : g_ports
            always @(posedge (CLKA ^ (CLKAMUX == "INV"))) begin
                if (on_a & write_a) memory[word_a] <= new_a;
                if (on_a & (~write_a | (WRITEMODE_A != "NORMAL")))
                    out_a <= ((write_a && WRITEMODE_A == "WRITETHROUGH") ? new_a : old_a) >> low_a;
            end
            always @(posedge (CLKB ^ (CLKBMUX == "INV"))) begin
                if (on_b & write_b) memory[word_b] <= new_b;
                if (on_b & (~write_b | (WRITEMODE_B != "NORMAL")))
                    out_b <= ((write_b && WRITEMODE_B == "WRITETHROUGH") ? new_b : old_b) >> low_b;
            end
        end
    endgenerate
endmodule

// A product without registers.
module MULT18X18D (
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input SIGNEDA, SIGNEDB,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
        P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
    wire signed [18:0] a = {SIGNEDA & A17, A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2,
        A1, A0};
    wire signed [18:0] b = {SIGNEDB & B17, B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2,
        B1, B0};
    wire signed [37:0] product = a * b;
    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18, P17, P16, P15,
        P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0} = product[35:0];
endmodule
