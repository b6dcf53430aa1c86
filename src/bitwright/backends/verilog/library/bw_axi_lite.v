// An AXI4-Lite slave of 32-bit words: what it is, how many frames have left, and a bus to the memories behind it.
//
// ADDRESS_BITS  bits of a byte address; the lowest two are not looked at
// BUILD         register 2: which design this is
//
// Registers (read only): 0 magic, 4 version of the map, 8 build, 12 frames that have left since the reset (it wraps).
//
// A write is taken when address and data are there. A cycle later `write` tells the memories so, with `place` and
// `data`; one that knows the place says `write_known` in that cycle. A place that nobody knows, and a write of less
// than four bytes, changes nothing and is answered SLVERR. Reads of a place that a memory knows give 0.
//
// Timing: a write is answered 2 cycles after it was taken, a read too; one of each may be under way.

`default_nettype none

module bw_axi_lite #(
    parameter ADDRESS_BITS = 16,
    parameter [31:0] BUILD = 0
) (
    input  wire                      clk,
    input  wire                      rst,
    input  wire [ADDRESS_BITS-1:0]   s_awaddr,
    input  wire                      s_awvalid,
    output wire                      s_awready,
    input  wire [31:0]               s_wdata,
    input  wire [3:0]                s_wstrb,
    input  wire                      s_wvalid,
    output wire                      s_wready,
    output reg  [1:0]                s_bresp,
    output reg                       s_bvalid,
    input  wire                      s_bready,
    input  wire [ADDRESS_BITS-1:0]   s_araddr,
    input  wire                      s_arvalid,
    output wire                      s_arready,
    output reg  [31:0]               s_rdata,
    output reg  [1:0]                s_rresp,
    output reg                       s_rvalid,
    input  wire                      s_rready,
    input  wire                      frame,
    output wire                      write,
    output reg  [ADDRESS_BITS-3:0]   place,
    output reg  [31:0]               data,
    input  wire                      write_known,
    output reg  [ADDRESS_BITS-3:0]   read_place,
    input  wire                      read_known
);

    localparam [31:0] MAGIC = 32'h42575254;  // "BWRT"
    localparam [31:0] VERSION = 32'd1;
    localparam [1:0] OKAY = 2'b00;
    localparam [1:0] SLVERR = 2'b10;

    reg [31:0] frames;
    always @(posedge clk) begin
        if (rst) frames <= 32'd0;
        else if (frame) frames <= frames + 32'd1;
    end

    // Not ready during reset: what was taken then would be lost.
    reg writing;
    reg whole;
    wire takes = s_awvalid & s_wvalid & ~writing & ~s_bvalid & ~rst;
    assign s_awready = takes;
    assign s_wready = takes;
    assign write = writing & whole;

    always @(posedge clk) begin
        writing <= takes;
        if (takes) begin
            place <= s_awaddr[ADDRESS_BITS-1:2];
            data <= s_wdata;
            whole <= &s_wstrb;
        end
        if (writing) s_bresp <= write & write_known ? OKAY : SLVERR;
        if (rst) s_bvalid <= 1'b0;
        else s_bvalid <= writing | (s_bvalid & ~s_bready);
    end

    reg reading;
    wire asks = s_arvalid & ~reading & ~s_rvalid & ~rst;
    wire own = read_place[ADDRESS_BITS-3:2] == {(ADDRESS_BITS - 4) {1'b0}};
    reg [31:0] told;
    assign s_arready = asks;

    always @(*) begin
        case (read_place[1:0])
            2'd0: told = MAGIC;
            2'd1: told = VERSION;
            2'd2: told = BUILD;
            default: told = frames;
        endcase
    end

    always @(posedge clk) begin
        reading <= asks;
        if (asks) read_place <= s_araddr[ADDRESS_BITS-1:2];
        if (reading) begin
            s_rdata <= own ? told : 32'd0;
            s_rresp <= own | read_known ? OKAY : SLVERR;
        end
        if (rst) s_rvalid <= 1'b0;
        else s_rvalid <= reading | (s_rvalid & ~s_rready);
    end

    wire unused = &{1'b0, s_awaddr[1:0], s_araddr[1:0]};

endmodule

`default_nettype wire
