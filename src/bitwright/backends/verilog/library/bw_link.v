// A host's bytes on one side, a network's AXI4-Stream on the other: one frame a request, one reply a request.
//
//     request  B7  kind  number  length (2, low first)  body  CRC (2, high first)
//     reply    7B  kind  number  length (2, low first)  body  CRC (2, high first)
//
//     kind 01  who are you  -> 01, body: version 1, IDENTITY (8, low first), bytes of a frame (2), of a result (2)
//     kind 02  a frame      -> 02, body: its result; beats in order, the lowest byte of each first
//     kind 03  start again  -> 01, with the network reset and whatever was under way forgotten
//     any      wrong        -> EE, body: 1 CRC, 2 kind, 3 length, 4 busy with a frame, 5 silence in the middle
//
// The CRC (bw_crc16) is over everything from kind to the end of the body. `number` comes back as it was sent. The host
// waits for its reply; a frame that comes while one is under way is refused as busy, and the one under way goes on.
//
// Timing: aresetn is low for 16 cycles after a reset or a `start again`.

`default_nettype none

module bw_link #(
    parameter IN_BYTES = 1,
    parameter IN_BEATS = 1,
    parameter OUT_BYTES = 1,
    parameter OUT_BEATS = 1,
    parameter [63:0] IDENTITY = 64'd0,
    parameter LIMIT = 1000,
    parameter STORE = 1
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   rx_valid,
    input  wire                   rx_broken,
    input  wire [7:0]             rx_data,
    output wire                   tx_valid,
    input  wire                   tx_ready,
    output wire [7:0]             tx_data,
    output reg                    aresetn,
    output wire                   m_tvalid,
    input  wire                   m_tready,
    output wire [8*IN_BYTES-1:0]  m_tdata,
    output wire                   m_tlast,
    input  wire                   s_tvalid,
    output wire                   s_tready,
    input  wire [8*OUT_BYTES-1:0] s_tdata,
    output reg                    busy
);

    wire       ends;
    wire [7:0] code;
    wire [7:0] kind;
    wire [7:0] number;
    wire       done;

    wire well = ends & (code == 8'd0);
    wire frame = well & (kind == 8'h02);
    wire again = well & (kind == 8'h03);

    // `again` ends whatever reply is on its way; who we are is told behind that.
    reg answers;
    always @(posedge clk) answers <= again;

    // A frame is under way until its result is sent and all of it was taken.
    reg [7:0] frame_number;
    reg       owes;
    always @(posedge clk) begin
        if (rst | again) owes <= 1'b0;
        else if (frame) owes <= 1'b1;
        else if (done) owes <= 1'b0;
        if (frame) frame_number <= number;
        busy <= ~rst & (owes | m_tvalid | frame);
    end

    reg [3:0] calm;
    always @(posedge clk) begin
        if (rst | again) calm <= 4'd0;
        else if (~aresetn) calm <= calm + 4'd1;
        aresetn <= ~rst & ~again & (aresetn | (calm == 4'd15));
    end

    bw_link_requests #(.BYTES(IN_BYTES), .BEATS(IN_BEATS), .LIMIT(LIMIT), .STORE(STORE)) u_requests (
        .clk(clk), .rst(rst | again), .valid(rx_valid), .broken(rx_broken), .data(rx_data), .waits(busy),
        .ends(ends), .code(code), .kind(kind), .number(number),
        .m_tvalid(m_tvalid), .m_tready(m_tready & aresetn), .m_tdata(m_tdata), .m_tlast(m_tlast)
    );

    bw_link_replies #(
        .BYTES(OUT_BYTES), .BEATS(OUT_BEATS), .IN_BYTES(IN_BYTES * IN_BEATS), .IDENTITY(IDENTITY)
    ) u_replies (
        .clk(clk), .rst(rst | again), .tells(answers | (ends & ~frame & ~again)), .code(code),
        .number(number), .frame_number(frame_number),
        .s_tvalid(s_tvalid & aresetn), .s_tready(s_tready), .s_tdata(s_tdata), .done(done),
        .valid(tx_valid), .ready(tx_ready), .data(tx_data)
    );

endmodule

`default_nettype wire
