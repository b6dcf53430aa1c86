// Replies to a host: the result of a frame, who we are, or what was wrong. The protocol is told in bw_link.v.
//
// BYTES  bytes of a beat of the result; BEATS  its beats; IN_BYTES  bytes of a frame, for those who ask
// IDENTITY  what the design is: the first eight bytes of a hash over its files
//
// Timing: a reply begins in the cycle behind `tells` (or behind the first s_tvalid) unless another one is on its way,
// which ends first. The network waits while its result is sent: s_tready is high for one cycle a beat.

`default_nettype none

module bw_link_replies #(
    parameter BYTES = 1,
    parameter BEATS = 1,
    parameter IN_BYTES = 1,
    parameter [63:0] IDENTITY = 64'd0
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               tells,
    input  wire [7:0]         code,
    input  wire [7:0]         number,
    input  wire [7:0]         frame_number,
    input  wire               s_tvalid,
    output wire               s_tready,
    input  wire [8*BYTES-1:0] s_tdata,
    output wire               done,
    output wire               valid,
    input  wire               ready,
    output reg  [7:0]         data
);

    localparam [7:0] MAGIC = 8'h7B;
    localparam [7:0] WHO = 8'h01, RESULT = 8'h02, ERROR = 8'hEE;
    localparam [7:0] VERSION = 8'd1;
    localparam integer OUT_BYTES = BYTES * BEATS;
    localparam integer WHO_BYTES = 13;
    localparam [3:0] IDLE = 4'd0, BODY = 4'd6, HIGH = 4'd7, LOW = 4'd8;

    // What is asked for while something else is sent is kept: one message, the latest.
    reg       pending;
    reg [7:0] pending_code;
    reg [7:0] pending_number;

    reg [3:0]  state;
    reg [7:0]  kind;
    reg [7:0]  error;
    reg [7:0]  echoed;
    reg [15:0] left;
    reg [15:0] crc;
    wire [15:0] crc_next;
    bw_crc16 u_crc (.crc(crc), .data(data), .next(crc_next));

    wire is_result = kind == RESULT;
    wire [15:0] length = is_result ? OUT_BYTES[15:0] : (kind == WHO) ? WHO_BYTES[15:0] : 16'd1;
    wire sent = valid & ready;

    // The beat that is sent, and how many of its bytes are still here.
    localparam BYTE_BITS = $clog2(BYTES + 1);
    reg [8*BYTES-1:0]   beat;
    reg [BYTE_BITS-1:0] here;
    wire                empty = here == {BYTE_BITS{1'b0}};
    assign s_tready = (state == BODY) & is_result & empty;
    wire   loads = s_tvalid & s_tready;
    wire   shifts = sent & (state == BODY) & is_result;
    assign valid = (state != IDLE) & ~((state == BODY) & is_result & empty);
    assign done = (state == LOW) & sent & is_result;

    always @(posedge clk) begin
        if (rst) here <= {BYTE_BITS{1'b0}};
        else if (loads) here <= BYTES[BYTE_BITS-1:0];
        else if (shifts) here <= here - 1'b1;
        if (loads) beat <= s_tdata;
        else if (shifts) beat <= beat >> 8;
    end

    always @(posedge clk) begin
        if (tells) begin
            pending_code <= code;
            pending_number <= number;
        end
        if (rst) begin
            pending <= 1'b0;
            state <= IDLE;
        end else begin
            if (tells) pending <= 1'b1;
            else if (state == IDLE) pending <= 1'b0;
            if (state == IDLE) begin
                crc <= 16'hFFFF;
                kind <= ~pending ? RESULT : (pending_code == 8'd0) ? WHO : ERROR;
                error <= pending_code;
                echoed <= pending ? pending_number : frame_number;
                if (pending | s_tvalid) state <= IDLE + 4'd1;
            end else if (sent) begin
                if (state != 4'd1 && state < HIGH) crc <= crc_next;
                left <= (state == BODY) ? left - 16'd1 : length;
                state <= (state == LOW) ? IDLE : (state == BODY && left != 16'd1) ? BODY : state + 4'd1;
            end
        end
    end

    // Who we are, byte by byte, as `left` counts down.
    reg [7:0] own;
    always @* begin
        case (left[3:0])
            4'd13: own = VERSION;
            4'd12: own = IDENTITY[7:0];
            4'd11: own = IDENTITY[15:8];
            4'd10: own = IDENTITY[23:16];
            4'd9: own = IDENTITY[31:24];
            4'd8: own = IDENTITY[39:32];
            4'd7: own = IDENTITY[47:40];
            4'd6: own = IDENTITY[55:48];
            4'd5: own = IDENTITY[63:56];
            4'd4: own = IN_BYTES[7:0];
            4'd3: own = IN_BYTES[15:8];
            4'd2: own = OUT_BYTES[7:0];
            default: own = OUT_BYTES[15:8];
        endcase
    end

    always @* begin
        case (state)
            4'd1: data = MAGIC;
            4'd2: data = kind;
            4'd3: data = echoed;
            4'd4: data = length[7:0];
            4'd5: data = length[15:8];
            HIGH: data = crc[15:8];
            LOW: data = crc[7:0];
            default: data = is_result ? beat[7:0] : (kind == WHO) ? own : error;
        endcase
    end

endmodule

`default_nettype wire
