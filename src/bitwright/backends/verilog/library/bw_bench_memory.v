// An external memory for simulation, read and written over AXI4: stated latency, stated bandwidth, bursts in order.
//
// DATA         bits of a beat
// ADDRESS      bits of a byte address
// BEATS        beats that it holds, from address 0 on
// OUTSTANDING  bursts that it takes before the first of them is answered, a power of two
// LATENCY      cycles from an address to its first beat, and from the last beat written to the answer, at least
// INTERVAL     cycles from beat to beat, at least; each way has its own
// FILE         what $readmemh reads, a line per beat
//
// `accepts` low: no address is taken in this cycle; `answers` low: no beat is offered that was not offered before.
// `wrong` stays high once a burst has crossed 4096 bytes or the end of the memory.
//
// Timing: an address taken in cycle t is answered from t + LATENCY on, a beat follows the one before in INTERVAL
// cycles; arready and awready are high while fewer than OUTSTANDING bursts are unanswered.

`default_nettype none

module bw_bench_memory #(
    parameter DATA = 64,
    parameter ADDRESS = 32,
    parameter BEATS = 16,
    parameter OUTSTANDING = 8,
    parameter LATENCY = 32,
    parameter INTERVAL = 1,
    parameter FILE = "",
    parameter BITS = OUTSTANDING > 1 ? $clog2(OUTSTANDING) : 1
) (
    input  wire               clk,
    input  wire               rst,
    input  wire               accepts,
    input  wire               answers,
    output reg                wrong,
    input  wire [ADDRESS-1:0] araddr,
    input  wire [7:0]         arlen,
    input  wire               arvalid,
    output wire               arready,
    output wire [DATA-1:0]    rdata,
    output wire [1:0]         rresp,
    output wire               rlast,
    output wire               rvalid,
    input  wire               rready,
    input  wire [ADDRESS-1:0] awaddr,
    input  wire [7:0]         awlen,
    input  wire               awvalid,
    output wire               awready,
    input  wire [DATA-1:0]    wdata,
    input  wire               wlast,
    input  wire               wvalid,
    output wire               wready,
    output wire [1:0]         bresp,
    output wire               bvalid,
    input  wire               bready
);

    localparam [31:0] MOST = OUTSTANDING;
    localparam [31:0] HELD = BEATS;
    localparam [63:0] WIDE = DATA / 8;
    localparam WIDE_BITS = $clog2(DATA / 8);
    localparam [31:0] DELAY = LATENCY;
    localparam [31:0] PACE = INTERVAL;

    reg [DATA-1:0] memory [0:BEATS-1];
    generate
        if (FILE != "") begin : g_contents
            initial $readmemh(FILE, memory);
        end
    endgenerate

    // Bursts that wait: first beat, beats less one, the cycle from which on they are answered.
    reg [31:0] firsts [0:OUTSTANDING-1];
    reg [7:0]  lengths [0:OUTSTANDING-1];
    reg [31:0] dues [0:OUTSTANDING-1];
    reg [BITS-1:0] head;
    reg [BITS-1:0] tail;
    reg [31:0] count;
    reg [31:0] now;
    reg [31:0] next;
    reg [7:0]  done;
    reg        waits;

    assign arready = (count < MOST) & accepts & ~rst;
    wire takes = arvalid & arready;
    wire able = (count != 0) & (now >= dues[head]) & (now >= next);
    assign rvalid = able & (answers | waits) & ~rst;
    wire gives = rvalid & rready;
    wire [31:0] at = firsts[head] + {24'd0, done};
    assign rdata = memory[at];
    assign rresp = 2'b00;
    assign rlast = done == lengths[head];
    wire [63:0] address = {{(64-ADDRESS){1'b0}}, araddr};
    wire [31:0] bytes = ({24'd0, arlen} + 32'd1) << WIDE_BITS;

    // Bursts that are written: first beat, beats less one, and when they are confirmed.
    reg [31:0] places [0:OUTSTANDING-1];
    reg [7:0]  counts [0:OUTSTANDING-1];
    reg [31:0] answers_due [0:OUTSTANDING-1];
    reg [BITS-1:0] opened;
    reg [BITS-1:0] written;
    reg [BITS-1:0] answered;
    reg [31:0] taken;
    reg [31:0] unanswered;
    reg [31:0] next_write;
    reg [7:0]  stored;
    reg        holds;

    wire [63:0] to = {{(64-ADDRESS){1'b0}}, awaddr};
    wire [31:0] to_bytes = ({24'd0, awlen} + 32'd1) << WIDE_BITS;
    assign awready = (unanswered < MOST) & accepts & ~rst;
    wire opens = awvalid & awready;
    assign wready = (taken != 32'd0) & (now >= next_write) & accepts & ~rst;
    wire stores = wvalid & wready;
    wire confirmed = (unanswered != taken) & (now >= answers_due[answered]);
    assign bvalid = confirmed & (answers | holds) & ~rst;
    assign bresp = 2'b00;
    wire confirms = bvalid & bready;

    always @(posedge clk) begin
        if (rst) begin
            head <= {BITS{1'b0}};
            tail <= {BITS{1'b0}};
            count <= 32'd0;
            now <= 32'd0;
            next <= 32'd0;
            done <= 8'd0;
            waits <= 1'b0;
            wrong <= 1'b0;
            written <= {BITS{1'b0}};
            opened <= {BITS{1'b0}};
            answered <= {BITS{1'b0}};
            taken <= 32'd0;
            unanswered <= 32'd0;
            next_write <= 32'd0;
            stored <= 8'd0;
            holds <= 1'b0;
        end else begin
            now <= now + 32'd1;
            waits <= rvalid & ~rready;
            count <= count + {31'd0, takes} - {31'd0, gives & rlast};
            if (takes) begin
                firsts[tail] <= address[31:0] >> WIDE_BITS;
                lengths[tail] <= arlen;
                dues[tail] <= now + DELAY;
                tail <= tail + 1'b1;
                if ({20'd0, address[11:0]} + bytes > 32'd4096) wrong <= 1'b1;
                if (address / WIDE + {56'd0, arlen} >= {32'd0, HELD}) wrong <= 1'b1;
            end
            if (gives) begin
                next <= now + PACE;
                done <= rlast ? 8'd0 : done + 8'd1;
                if (rlast) head <= head + 1'b1;
            end
            taken <= taken + {31'd0, opens} - {31'd0, stores & wlast};
            unanswered <= unanswered + {31'd0, opens} - {31'd0, confirms};
            holds <= bvalid & ~bready;
            if (opens) begin
                places[opened] <= to[31:0] >> WIDE_BITS;
                counts[opened] <= awlen;
                opened <= opened + 1'b1;
                if ({20'd0, awaddr[11:0]} + to_bytes > 32'd4096) wrong <= 1'b1;
                if (to / WIDE + {56'd0, awlen} >= {32'd0, HELD}) wrong <= 1'b1;
            end
            if (stores) begin
                memory[places[written] + {24'd0, stored}] <= wdata;
                next_write <= now + PACE;
                stored <= wlast ? 8'd0 : stored + 8'd1;
                if (wlast != (stored == counts[written])) wrong <= 1'b1;
                if (wlast) begin
                    answers_due[written] <= now + DELAY;
                    written <= written + 1'b1;
                end
            end
            if (confirms) answered <= answered + 1'b1;
        end
    end

endmodule

`default_nettype wire
