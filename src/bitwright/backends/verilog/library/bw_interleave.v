// Words of several arguments in turn: COUNTS[0] of the first, COUNTS[1] of the second, ..., and again.
//
// WIDTH   bits of a word, the same for every argument
// PORTS   how many arguments; their words lie side by side in in_head, the first lowest
// COUNTS  words of a turn, 32 bits each
//
// Timing: step in cycle t -> x, go in t + 1.

`default_nettype none

module bw_interleave #(
    parameter WIDTH = 8,
    parameter PORTS = 2,
    parameter [32*PORTS-1:0] COUNTS = {PORTS{32'd1}}
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire [PORTS-1:0]       in_valid,
    input  wire [WIDTH*PORTS-1:0] in_head,
    output wire [PORTS-1:0]       in_pop,
    input  wire                   out_ready,
    output wire                   out_take,
    output reg  [WIDTH-1:0]       x,
    output reg                    go
);

    function integer longest(input [32*PORTS-1:0] counts);
        integer i;
        begin
            longest = 1;
            for (i = 0; i < PORTS; i = i + 1) begin
                if (counts[32*i+:32] > longest) longest = counts[32*i+:32];
            end
        end
    endfunction

    localparam BITS = longest(COUNTS) > 1 ? $clog2(longest(COUNTS)) : 1;

    localparam [PORTS-1:0] FIRST = 1;

    // Whose turn it is, one bit a port, and how many of its words have passed.
    reg [PORTS-1:0] turn;
    reg [BITS-1:0] passed;
    wire [PORTS-1:0] next;
    wire [PORTS-1:0] ends;
    wire last = |(turn & ends);
    wire fire = |(turn & in_valid) & out_ready;

    assign in_pop = fire ? turn : {PORTS{1'b0}};
    assign out_take = fire;

    genvar p;
    generate
        for (p = 0; p < PORTS; p = p + 1) begin : g_port
            localparam [31:0] LAST = COUNTS[32*p+:32] - 1;
            assign ends[p] = passed == LAST[BITS-1:0];
            assign next[p] = turn[(p+PORTS-1)%PORTS];
        end
    endgenerate

    integer i;
    reg [WIDTH-1:0] word;
    always @* begin
        word = {WIDTH{1'b0}};
        for (i = 0; i < PORTS; i = i + 1) word = word | (in_head[WIDTH*i+:WIDTH] & {WIDTH{turn[i]}});
    end

    always @(posedge clk) begin
        x <= word;
        go <= fire & ~rst;
        if (rst) begin
            turn <= FIRST;
            passed <= {BITS{1'b0}};
        end else if (fire) begin
            passed <= last ? {BITS{1'b0}} : passed + 1'b1;
            if (last) turn <= next;
        end
    end

endmodule

`default_nettype wire
