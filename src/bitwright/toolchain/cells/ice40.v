// What iCE40 logic cells and block memories do after packing, as nextpnr writes them.
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

// A block of 256 words of 16 bits, or of narrower and more words: mode 1 has 512 of 8, mode 2 has 1024 of 4, mode 3 has
// 2048 of 2. A narrow word is every second, fourth or eighth bit of a wide one; the highest address bits say which.
module ICESTORM_RAM (
    output RDATA_15, RDATA_14, RDATA_13, RDATA_12, RDATA_11, RDATA_10, RDATA_9, RDATA_8, RDATA_7, RDATA_6, RDATA_5, RDATA_4, RDATA_3, RDATA_2, RDATA_1, RDATA_0,
    input RCLK, RCLKE, RE,
    input RADDR_10, RADDR_9, RADDR_8, RADDR_7, RADDR_6, RADDR_5, RADDR_4, RADDR_3, RADDR_2, RADDR_1, RADDR_0,
    input WCLK, WCLKE, WE,
    input WADDR_10, WADDR_9, WADDR_8, WADDR_7, WADDR_6, WADDR_5, WADDR_4, WADDR_3, WADDR_2, WADDR_1, WADDR_0,
    input MASK_15, MASK_14, MASK_13, MASK_12, MASK_11, MASK_10, MASK_9, MASK_8, MASK_7, MASK_6, MASK_5, MASK_4, MASK_3, MASK_2, MASK_1, MASK_0,
    input WDATA_15, WDATA_14, WDATA_13, WDATA_12, WDATA_11, WDATA_10, WDATA_9, WDATA_8, WDATA_7, WDATA_6, WDATA_5, WDATA_4, WDATA_3, WDATA_2, WDATA_1, WDATA_0
);
    parameter WRITE_MODE = 0;
    parameter READ_MODE = 0;
    parameter [0:0] NEG_CLK_R = 0;
    parameter [0:0] NEG_CLK_W = 0;
    parameter [255:0] INIT_0 = 256'h0;
    parameter [255:0] INIT_1 = 256'h0;
    parameter [255:0] INIT_2 = 256'h0;
    parameter [255:0] INIT_3 = 256'h0;
    parameter [255:0] INIT_4 = 256'h0;
    parameter [255:0] INIT_5 = 256'h0;
    parameter [255:0] INIT_6 = 256'h0;
    parameter [255:0] INIT_7 = 256'h0;
    parameter [255:0] INIT_8 = 256'h0;
    parameter [255:0] INIT_9 = 256'h0;
    parameter [255:0] INIT_A = 256'h0;
    parameter [255:0] INIT_B = 256'h0;
    parameter [255:0] INIT_C = 256'h0;
    parameter [255:0] INIT_D = 256'h0;
    parameter [255:0] INIT_E = 256'h0;
    parameter [255:0] INIT_F = 256'h0;

    wire [10:0] read_place = {RADDR_10, RADDR_9, RADDR_8, RADDR_7, RADDR_6, RADDR_5, RADDR_4, RADDR_3, RADDR_2, RADDR_1, RADDR_0};
    wire [10:0] write_place = {WADDR_10, WADDR_9, WADDR_8, WADDR_7, WADDR_6, WADDR_5, WADDR_4, WADDR_3, WADDR_2, WADDR_1, WADDR_0};
    wire [15:0] mask = {MASK_15, MASK_14, MASK_13, MASK_12, MASK_11, MASK_10, MASK_9, MASK_8, MASK_7, MASK_6, MASK_5, MASK_4, MASK_3, MASK_2, MASK_1, MASK_0};
    wire [15:0] data = {WDATA_15, WDATA_14, WDATA_13, WDATA_12, WDATA_11, WDATA_10, WDATA_9, WDATA_8, WDATA_7, WDATA_6, WDATA_5, WDATA_4, WDATA_3, WDATA_2, WDATA_1, WDATA_0};
    reg [15:0] word;
    assign {RDATA_15, RDATA_14, RDATA_13, RDATA_12, RDATA_11, RDATA_10, RDATA_9, RDATA_8, RDATA_7, RDATA_6, RDATA_5, RDATA_4, RDATA_3, RDATA_2, RDATA_1, RDATA_0} = word;

    localparam integer WRITE_GROUP = 1 << WRITE_MODE;
    localparam integer READ_GROUP = 1 << READ_MODE;
    localparam integer WRITE_PIN = WRITE_MODE == 0 ? 0 : WRITE_GROUP / 2 - 1;
    localparam integer READ_PIN = READ_MODE == 0 ? 0 : READ_GROUP / 2 - 1;
    wire [2:0] write_part = write_place[10:8] & (WRITE_GROUP - 1);
    wire [2:0] read_part = read_place[10:8] & (READ_GROUP - 1);

    reg [15:0] memory [0:255];
    integer k;
    initial begin
        for (k = 0; k < 16; k = k + 1) begin
            memory[0 + k] = INIT_0[16*k +: 16];
            memory[16 + k] = INIT_1[16*k +: 16];
            memory[32 + k] = INIT_2[16*k +: 16];
            memory[48 + k] = INIT_3[16*k +: 16];
            memory[64 + k] = INIT_4[16*k +: 16];
            memory[80 + k] = INIT_5[16*k +: 16];
            memory[96 + k] = INIT_6[16*k +: 16];
            memory[112 + k] = INIT_7[16*k +: 16];
            memory[128 + k] = INIT_8[16*k +: 16];
            memory[144 + k] = INIT_9[16*k +: 16];
            memory[160 + k] = INIT_A[16*k +: 16];
            memory[176 + k] = INIT_B[16*k +: 16];
            memory[192 + k] = INIT_C[16*k +: 16];
            memory[208 + k] = INIT_D[16*k +: 16];
            memory[224 + k] = INIT_E[16*k +: 16];
            memory[240 + k] = INIT_F[16*k +: 16];
        end
        word = 16'd0;
    end

    integer w;
    always @(posedge (WCLK ^ NEG_CLK_W)) begin
        for (w = 0; w < 16; w = w + 1) begin
            if (WE & WCLKE & (WRITE_MODE == 0 ? ~mask[w] : w % WRITE_GROUP == write_part))
                memory[write_place[7:0]][w] <= data[w / WRITE_GROUP * WRITE_GROUP + WRITE_PIN];
        end
    end

    integer r;
    always @(posedge (RCLK ^ NEG_CLK_R)) begin
        for (r = 0; r < 16; r = r + READ_GROUP) begin
            if (RE & RCLKE) word[r + READ_PIN] <= memory[read_place[7:0]][r + read_part];
        end
    end
endmodule
