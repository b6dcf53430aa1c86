// Words become their digits, COUNT words of BITS bits a lane, the highest digits first.
//
// LANES   elements of a word
// WIDTH   bits of an element, at most COUNT * BITS
// SIGNED  1: elements are two's complement; their digits are those of the element + 2**(WIDTH - 1), which is the
//         element with its sign turned over. 0: they are unsigned
//
// Only the first digit's step reads; then the word is shifted out at its upper end.
//
// Timing: step in cycle t -> x, go in t + 1.

`default_nettype none

module bw_digits #(
    parameter LANES = 1,
    parameter WIDTH = 8,
    parameter SIGNED = 0,
    parameter BITS = 4,
    parameter COUNT = 2
) (
    input  wire                   clk,
    input  wire                   rst,
    input  wire                   in_valid,
    input  wire [LANES*WIDTH-1:0] in_head,
    output wire                   in_pop,
    input  wire                   out_ready,
    output wire                   out_take,
    output wire [LANES*BITS-1:0]  x,
    output reg                    go
);

    localparam WHOLE = BITS * COUNT;
    localparam DIGIT_BITS = COUNT > 1 ? $clog2(COUNT) : 1;
    localparam TURNED = SIGNED != 0;

    wire [DIGIT_BITS-1:0] digit;
    wire reads = digit == {DIGIT_BITS{1'b0}};
    wire fire = out_ready & (in_valid | ~reads);
    assign in_pop = fire & reads;
    assign out_take = fire;

    bw_count #(.N(COUNT)) u_digit (.clk(clk), .rst(rst), .go(fire), .phase(digit));

    always @(posedge clk) go <= fire & ~rst;

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : g_lane
            wire [WHOLE-1:0] element;
            assign element[WIDTH-1] = in_head[WIDTH*i+WIDTH-1] ^ TURNED;
            if (WIDTH > 1) begin : g_below
                assign element[WIDTH-2:0] = in_head[WIDTH*i+:WIDTH-1];
            end
            if (WIDTH < WHOLE) begin : g_above
                assign element[WHOLE-1:WIDTH] = {(WHOLE - WIDTH) {1'b0}};
            end

            if (COUNT == 1) begin : g_one
                reg [WHOLE-1:0] held;
                always @(posedge clk) if (fire) held <= element;
                assign x[BITS*i+:BITS] = held;
            end else begin : g_shift
                // The lowest digit needs no zeros behind it: nothing reads what follows it.
                reg [WHOLE-1:0] held;
                always @(posedge clk) begin
                    if (fire) held <= reads ? element : {held[WHOLE-BITS-1:0], element[BITS-1:0]};
                end
                assign x[BITS*i+:BITS] = held[WHOLE-1-:BITS];
            end
        end
    endgenerate

endmodule

`default_nettype wire
