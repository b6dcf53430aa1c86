// An external memory for simulation, read over AXI4: stated latency, stated bandwidth, bursts in order.
//
// DATA         bits of a beat
// ADDRESS      bits of a byte address
// BEATS        beats that it holds, from address 0 on
// OUTSTANDING  bursts that it takes before the first of them is answered, a power of two
// LATENCY      cycles from an address to its first beat, at least
// INTERVAL     cycles from beat to beat, at least
// FILE         what $readmemh reads, a line per beat
//
// `accepts` low: no address is taken in this cycle; `answers` low: no beat is offered that was not offered before.
// `wrong` stays high once a burst has crossed 4096 bytes or the end of the memory.
//
// Timing: an address taken in cycle t is answered from t + LATENCY on, a beat follows the one before in INTERVAL
// cycles; arready is high while fewer than OUTSTANDING bursts are unanswered.

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
    input  wire               rready
);

    localparam [31:0] MOST = OUTSTANDING;
    localparam [31:0] HELD = BEATS;
    localparam [31:0] WIDE = DATA / 8;
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
    wire [31:0] bytes = ({24'd0, arlen} + 32'd1) * WIDE;

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
        end else begin
            now <= now + 32'd1;
            waits <= rvalid & ~rready;
            count <= count + {31'd0, takes} - {31'd0, gives & rlast};
            if (takes) begin
                firsts[tail] <= address[31:0] / WIDE;
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
        end
    end

endmodule

`default_nettype wire
