// The sum or maximum of COUNT blocks of WORDS words, word by word: word i of all blocks makes word i of the result.
//
// LANES   elements of a word, each on its own
// IN      bits of an element of the argument
// OUT     bits of an element of the result, IN or more
// SIGNED  whether elements are two's complement
// MAX     0: sum, 1: maximum
//
// Timing: step in cycle t -> x, go in t + 2. What has been combined so far waits in a memory of WORDS words (in x where
// WORDS is 1), which no reset clears: the first block ignores it.

`default_nettype none

module bw_reduce #(
    parameter LANES = 1,
    parameter IN = 8,
    parameter OUT = 8,
    parameter SIGNED = 1,
    parameter COUNT = 2,
    parameter WORDS = 1,
    parameter MAX = 0
) (
    input  wire                 clk,
    input  wire                 rst,
    input  wire                 in_valid,
    input  wire [LANES*IN-1:0]  in_head,
    output wire                 in_pop,
    input  wire                 out_ready,
    output wire                 out_take,
    output reg  [LANES*OUT-1:0] x,
    output reg                  go
);

    localparam PLACE_BITS = WORDS > 1 ? $clog2(WORDS) : 1;
    localparam BLOCK_BITS = COUNT > 1 ? $clog2(COUNT) : 1;
    localparam [31:0] LAST_PLACE = WORDS - 1;
    localparam [31:0] LAST_BLOCK = COUNT - 1;

    wire [PLACE_BITS-1:0] place;
    wire [BLOCK_BITS-1:0] block;
    wire begins = block == {BLOCK_BITS{1'b0}};
    wire ends = block == LAST_BLOCK[BLOCK_BITS-1:0];
    wire fire = in_valid & (out_ready | ~ends);
    assign in_pop = fire;
    assign out_take = fire & ends;

    bw_count #(.N(WORDS)) u_place (.clk(clk), .rst(rst), .go(fire), .phase(place));
    bw_count #(.N(COUNT)) u_block (
        .clk(clk), .rst(rst), .go(fire & (place == LAST_PLACE[PLACE_BITS-1:0])), .phase(block)
    );

    // A cycle later: the word, and what it meets.
    reg [LANES*IN-1:0] word;
    reg first;
    reg busy;
    reg ending;
    wire [LANES*OUT-1:0] partial;
    wire [LANES*OUT-1:0] combined;

    always @(posedge clk) begin
        word <= in_head;
        first <= begins;
        busy <= fire & ~rst;
        ending <= out_take & ~rst;
        go <= ending & ~rst;
    end

    genvar i;
    generate
        for (i = 0; i < LANES; i = i + 1) begin : g_lane
            wire [OUT-1:0] old = partial[OUT*i+:OUT];
            wire [OUT-1:0] fresh;
            if (IN < OUT) begin : g_extend
                assign fresh = {{(OUT - IN) {SIGNED != 0 && word[IN*i+IN-1]}}, word[IN*i+:IN]};
            end else begin : g_same
                assign fresh = word[IN*i+:IN];
            end
            if (MAX != 0) begin : g_max
                wire greater = SIGNED != 0 ? $signed(fresh) > $signed(old) : fresh > old;
                assign combined[OUT*i+:OUT] = first | greater ? fresh : old;
            end else begin : g_sum
                // Signed for yosys, which then needs a LUT a bit, `first` included.
                wire signed [OUT-1:0] added = fresh;
                wire signed [OUT-1:0] reached = first ? {OUT{1'b0}} : old;
                assign combined[OUT*i+:OUT] = added + reached;
            end
        end

        if (WORDS == 1) begin : g_register
            always @(posedge clk) if (busy) x <= combined;
            assign partial = x;
        end else begin : g_memory
            // The place read in one cycle is written in the next, when another is read.
            reg [PLACE_BITS-1:0] written;
            always @(posedge clk) begin
                written <= place;
                x <= combined;
            end
            bw_memory #(.WIDTH(LANES * OUT), .WORDS(WORDS)) u_memory (
                .clk(clk), .write(busy), .write_place(written), .data(combined),
                .read(fire), .blank(1'b0), .read_place(place), .word(partial)
            );
        end
    endgenerate

endmodule

`default_nettype wire
