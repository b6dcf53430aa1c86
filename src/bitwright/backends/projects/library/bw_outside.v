// Control of a network whose weights lie in memory: an AXI4-Lite slave that is told where, and holds the network in
// reset until it is told to run.
//
//     0   magic                 16  base, bits 31..0    written while it does not run
//     4   version of the map    20  base, bits 63..32
//     8   BUILD                 24  run: 1 starts the network, 0 resets it
//     12  frames that left      28  fault: memory has answered with an error
//
// Stop it only while no frame is under way and memory has answered everything: nothing here waits for that.
//
// Other places, and writes of less than four bytes, change nothing and are answered SLVERR.
//
// Timing: a write is answered the cycle after it was taken, a read too; one of each may be under way.

`default_nettype none

module bw_outside #(
    parameter ADDRESS_BITS = 12,
    parameter BASE_BITS = 32,
    parameter [31:0] BUILD = 0
) (
    input  wire                    aclk,
    input  wire                    aresetn,
    input  wire [ADDRESS_BITS-1:0] s_awaddr,
    input  wire                    s_awvalid,
    output wire                    s_awready,
    input  wire [31:0]             s_wdata,
    input  wire [3:0]              s_wstrb,
    input  wire                    s_wvalid,
    output wire                    s_wready,
    output reg  [1:0]              s_bresp,
    output reg                     s_bvalid,
    input  wire                    s_bready,
    input  wire [ADDRESS_BITS-1:0] s_araddr,
    input  wire                    s_arvalid,
    output wire                    s_arready,
    output reg  [31:0]             s_rdata,
    output reg  [1:0]              s_rresp,
    output reg                     s_rvalid,
    input  wire                    s_rready,
    input  wire                    frame,
    input  wire                    fault,
    output wire [BASE_BITS-1:0]    base,
    output reg                     network_resetn
);

    localparam [31:0] MAGIC = 32'h42575254;  // "BWRT"
    localparam [31:0] VERSION = 32'd1;
    localparam [1:0] OKAY = 2'b00;
    localparam [1:0] SLVERR = 2'b10;
    localparam PLACE = ADDRESS_BITS - 2;
    localparam [PLACE-1:0] LOW = 4, HIGH = 5, RUN = 6, LAST = 7;

    reg [63:0] address;
    reg        run;
    assign base = address[BASE_BITS-1:0];

    wire [PLACE-1:0] write_place = s_awaddr[ADDRESS_BITS-1:2];
    wire takes = s_awvalid & s_wvalid & ~s_bvalid & aresetn;
    wire whole = &s_wstrb;
    wire moves = whole & ~run & ((write_place == LOW) | (write_place == HIGH));
    wire turns = whole & (write_place == RUN);
    assign s_awready = takes;
    assign s_wready = takes;

    always @(posedge aclk) begin
        network_resetn <= aresetn & run;
        if (~aresetn) begin
            run <= 1'b0;
            s_bvalid <= 1'b0;
        end else begin
            if (takes & moves & (write_place == LOW)) address[31:0] <= s_wdata;
            if (takes & moves & (write_place == HIGH)) address[63:32] <= s_wdata;
            if (takes & turns) run <= s_wdata[0];
            if (takes) s_bresp <= moves | turns ? OKAY : SLVERR;
            s_bvalid <= takes | (s_bvalid & ~s_bready);
        end
    end

    reg [31:0] frames;
    always @(posedge aclk) begin
        if (~aresetn) frames <= 32'd0;
        else if (frame) frames <= frames + 32'd1;
    end

    wire [PLACE-1:0] read_place = s_araddr[ADDRESS_BITS-1:2];
    wire asks = s_arvalid & ~s_rvalid & aresetn;
    reg [31:0] told;
    assign s_arready = asks;

    always @(*) begin
        case (read_place[2:0])
            3'd0: told = MAGIC;
            3'd1: told = VERSION;
            3'd2: told = BUILD;
            3'd3: told = frames;
            3'd4: told = address[31:0];
            3'd5: told = address[63:32];
            3'd6: told = {31'd0, run};
            default: told = {31'd0, fault};
        endcase
    end

    always @(posedge aclk) begin
        if (asks) begin
            s_rdata <= told;
            s_rresp <= read_place <= LAST ? OKAY : SLVERR;
        end
        if (~aresetn) s_rvalid <= 1'b0;
        else s_rvalid <= asks | (s_rvalid & ~s_rready);
    end

    wire unused = &{1'b0, s_awaddr[1:0], s_araddr[1:0]};

endmodule

`default_nettype wire
