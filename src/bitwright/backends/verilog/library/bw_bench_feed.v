// A source of beats for simulation: a memory that is loaded first, then sent frame after frame as AXI4-Stream.
//
// BITS      bits of a beat
// CAPACITY  beats that the memory holds
// WORDS     beats of a frame; the last one carries TLAST
//
// While `rst` is high `load` writes `data` to `place`. Afterwards the first `beats` are sent in order; a beat is
// offered in a cycle with `offer`, and from then on until it is taken. `sent` marks the cycle of a handshake.

`default_nettype none

module bw_bench_feed #(
    parameter BITS = 8,
    parameter CAPACITY = 16,
    parameter WORDS = 1,
    parameter PLACE_BITS = $clog2(CAPACITY + 1)
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  load,
    input  wire [PLACE_BITS-1:0] place,
    input  wire [BITS-1:0]       data,
    input  wire [PLACE_BITS-1:0] beats,
    input  wire                  offer,
    output wire                  sent,
    output wire [BITS-1:0]       tdata,
    output wire                  tvalid,
    input  wire                  tready,
    output wire                  tlast
);

    localparam [31:0] LAST = WORDS - 1;

    reg [BITS-1:0] memory [0:CAPACITY];  // the last place is only looked at, behind the last beat
    reg [PLACE_BITS-1:0] next;
    reg [31:0] word;
    reg waits;

    assign tvalid = ~rst & (next != beats) & (offer | waits);
    assign tdata = memory[next];
    assign tlast = word == LAST;
    assign sent = tvalid & tready;

    always @(posedge clk) begin
        if (load) memory[place] <= data;
        if (rst) begin
            next <= {PLACE_BITS{1'b0}};
            word <= 32'd0;
            waits <= 1'b0;
        end else begin
            waits <= tvalid & ~tready;
            if (sent) begin
                next <= next + 1'b1;
                word <= tlast ? 32'd0 : word + 32'd1;
            end
        end
    end

endmodule

`default_nettype wire
