// The requests of a host, checked, and the frames in them as AXI4-Stream. The protocol is told in bw_link.v.
//
// BYTES  bytes of a beat; BEATS  beats of a frame; LIMIT  cycles of silence after which a request is given up
// STORE  where a frame of several beats waits: BLOCK of bw_memory
//
// A frame goes on only when its request is whole and its CRC right: until then it waits here, in a memory (in the shift
// register alone where it is a single beat). So nothing that the line spoils ever reaches the network.
//
// Timing: `ends` is high for one cycle, the second behind a request's last byte, with `code` (0: all is well), `kind`
// and `number`; the first beat of its frame is offered in the same cycle (two cycles later from the memory).

`default_nettype none

module bw_link_requests #(
    parameter BYTES = 1,
    parameter BEATS = 1,
    parameter LIMIT = 1000,
    parameter STORE = 1
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               valid,
    input  wire               broken,
    input  wire [7:0]         data,
    input  wire               waits,
    output reg                ends,
    output reg  [7:0]         code,
    output reg  [7:0]         kind,
    output reg  [7:0]         number,
    output reg                m_tvalid,
    input  wire               m_tready,
    output wire [8*BYTES-1:0] m_tdata,
    output wire               m_tlast
);

    localparam [7:0] MAGIC = 8'hB7;
    localparam [7:0] FRAME = 8'h02;
    localparam [2:0] HUNT = 3'd0, KIND = 3'd1, NUMBER = 3'd2, SHORT = 3'd3;
    localparam [2:0] LONG = 3'd4, BODY = 3'd5, HIGH = 3'd6, LOW = 3'd7;
    localparam [7:0] CORRUPT = 8'd1, UNKNOWN = 8'd2, LENGTH = 8'd3, BUSY = 8'd4, SILENT = 8'd5;
    localparam LIMIT_BITS = $clog2(LIMIT + 1);
    localparam integer FRAME_BYTES = BYTES * BEATS;

    reg [2:0]  state;
    reg [15:0] length;
    reg [15:0] crc;
    wire [15:0] crc_next;
    bw_crc16 u_crc (.crc(crc), .data(data), .next(crc_next));

    // A request that stops in the middle is given up, so that the next one is not read as its rest.
    reg [LIMIT_BITS-1:0] silence;
    wire gives_up = (state != HUNT) & (broken | (silence == LIMIT[LIMIT_BITS-1:0]));
    always @(posedge clk) begin
        if (rst | valid | (state == HUNT)) silence <= {LIMIT_BITS{1'b0}};
        else silence <= silence + 1'b1;
    end

    // `keeps`: this is a frame of the right length, and its place is free.
    wire is_frame = kind == FRAME;
    wire [15:0] told = {data, length[7:0]};
    wire fits = told == FRAME_BYTES[15:0];
    reg  keeps;
    reg  fitting;
    reg  checks;
    wire known = is_frame | (kind == 8'h01) | (kind == 8'h03);

    always @(posedge clk) begin
        checks <= 1'b0;
        if (rst | gives_up) begin
            state <= HUNT;
        end else if (valid) begin
            crc <= (state == HUNT) ? 16'hFFFF : crc_next;
            case (state)
                HUNT: state <= (data == MAGIC) ? KIND : HUNT;
                KIND: begin
                    kind <= data;
                    state <= NUMBER;
                end
                NUMBER: begin
                    number <= data;
                    state <= SHORT;
                end
                SHORT: begin
                    length[7:0] <= data;
                    state <= LONG;
                end
                LONG: begin
                    length <= told;
                    keeps <= is_frame & fits & ~waits;
                    fitting <= is_frame ? fits : told == 16'd0;
                    state <= (told == 16'd0) ? HIGH : BODY;
                end
                BODY: begin
                    length <= length - 16'd1;
                    state <= (length == 16'd1) ? HIGH : BODY;
                end
                HIGH: state <= LOW;
                LOW: begin
                    state <= HUNT;
                    checks <= 1'b1;
                end
            endcase
        end
    end

    wire whole = checks & (crc == 16'd0);
    wire starts = whole & keeps;

    always @(posedge clk) begin
        ends <= ~rst & (checks | gives_up);
        if (gives_up) code <= SILENT;
        else if (~checks) code <= code;
        else if (crc != 16'd0) code <= CORRUPT;
        else if (~known) code <= UNKNOWN;
        else if (~fitting) code <= LENGTH;
        else if (is_frame & ~keeps) code <= BUSY;
        else code <= 8'd0;
    end

    // The first byte of a beat ends up lowest.
    reg [8*BYTES-1:0] beat;
    wire shifts = valid & keeps & (state == BODY);
    generate
        if (BYTES == 1) begin : g_byte
            always @(posedge clk) if (shifts) beat <= data;
        end else begin : g_bytes
            always @(posedge clk) if (shifts) beat <= {data, beat[8*BYTES-1:8]};
        end
    endgenerate

    generate
        if (BEATS == 1) begin : g_single
            assign m_tdata = beat;
            assign m_tlast = 1'b1;
            always @(posedge clk) begin
                if (rst) m_tvalid <= 1'b0;
                else if (starts) m_tvalid <= 1'b1;
                else if (m_tready) m_tvalid <= 1'b0;
            end
        end else begin : g_store
            localparam PLACE_BITS = $clog2(BEATS);
            localparam BYTE_BITS = $clog2(BYTES + 1);
            localparam integer END = BEATS - 1;

            // In: every beat once its last byte has come.
            reg [BYTE_BITS-1:0]  bytes;
            reg [PLACE_BITS-1:0] in_place;
            reg                  stores;
            always @(posedge clk) begin
                stores <= 1'b0;
                if (state == KIND) begin
                    bytes <= {BYTE_BITS{1'b0}};
                    in_place <= {PLACE_BITS{1'b0}};
                end else if (shifts) begin
                    stores <= bytes == BYTES[BYTE_BITS-1:0] - 1'b1;
                    bytes <= (bytes == BYTES[BYTE_BITS-1:0] - 1'b1) ? {BYTE_BITS{1'b0}} : bytes + 1'b1;
                end
                if (stores) in_place <= in_place + 1'b1;
            end

            // Out: the word behind the one that is offered is read when that one goes.
            reg                  reads;
            reg                  last;
            reg [PLACE_BITS-1:0] out_place;
            wire                 steps = reads & (m_tready | ~m_tvalid);
            always @(posedge clk) begin
                if (rst) begin
                    reads <= 1'b0;
                    m_tvalid <= 1'b0;
                end else if (starts) begin
                    reads <= 1'b1;
                    out_place <= {PLACE_BITS{1'b0}};
                end else if (steps) begin
                    reads <= out_place != END[PLACE_BITS-1:0];
                    out_place <= out_place + 1'b1;
                    m_tvalid <= 1'b1;
                    last <= out_place == END[PLACE_BITS-1:0];
                end else if (m_tready) begin
                    m_tvalid <= 1'b0;
                end
            end
            assign m_tlast = last;
            bw_memory #(.WIDTH(8 * BYTES), .WORDS(BEATS), .BLOCK(STORE)) u_store (
                .clk(clk), .write(stores), .write_place(in_place), .data(beat),
                .read(steps), .blank(1'b0), .read_place(out_place), .word(m_tdata)
            );
        end
    endgenerate

endmodule

`default_nettype wire
