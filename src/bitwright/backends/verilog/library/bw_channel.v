// A first-in first-out buffer of exactly DEPTH words whose places are kept before the words come.
//
// The producer looks at `ready` (a place is free), keeps one by a pulse of `take`, and pushes the word whenever its
// pipeline is done, in the order of its takes: what has been started can always be stored, so the pipeline needs no
// enable. The consumer sees the oldest word at `head` while `valid` is high and removes it by `pop`.
//
// WIDTH  bits of a word
// DEPTH  words, 1 or more, kept places included
// BLOCK  0: distributed memory (DEPTH 1: a register); 1: block memory and its output register, which counts in
//        DEPTH; 2: the same in UltraRAM
//
// Timing: a word pushed in cycle u is at the head in u + 1 (BLOCK: u + 2); a place popped in cycle c is free in c + 1.
// `ready`, `valid` and `head` depend on registers only. Reset empties the buffer.

`default_nettype none

module bw_channel #(
    parameter WIDTH = 8,
    parameter DEPTH = 2,
    parameter BLOCK = 0
) (
    input  wire             clk,
    input  wire             rst,
    output wire             ready,
    input  wire             take,
    input  wire             push,
    input  wire [WIDTH-1:0] data,
    output wire             valid,
    output wire [WIDTH-1:0] head,
    input  wire             pop
);

    localparam COUNT_BITS = $clog2(DEPTH + 1);

    // Places that are kept, by words or for words to come.
    reg [COUNT_BITS-1:0] kept;
    assign ready = kept != DEPTH[COUNT_BITS-1:0];
    always @(posedge clk) begin
        if (rst) kept <= {COUNT_BITS{1'b0}};
        else if (take != pop) kept <= pop ? kept - 1'b1 : kept + 1'b1;
    end

    generate
        if (DEPTH == 1 && BLOCK == 0) begin : g_register
            reg [WIDTH-1:0] word;
            reg full;
            always @(posedge clk) begin
                if (push) word <= data;
                if (rst) full <= 1'b0;
                else full <= push | (full & ~pop);
            end
            assign valid = full;
            assign head = word;
        end else begin : g_memory
            // A block memory is never read where it is written: 2 places at least. A power of two, which needs no
            // comparison to wrap, where it takes no more cells: they hold 64 words, blocks 512 or more.
            localparam NEEDED = BLOCK == 0 ? DEPTH : DEPTH > 3 ? DEPTH - 1 : 2;
            localparam BITS = $clog2(NEEDED);
            localparam PLACES = (1 << BITS) - NEEDED < (BLOCK == 0 ? 64 : 512) ? 1 << BITS : NEEDED;

            wire [BITS-1:0] newest;
            wire [BITS-1:0] oldest;
            wire fetch;
            bw_count #(.N(PLACES)) u_newest (.clk(clk), .rst(rst), .go(push), .phase(newest));
            bw_count #(.N(PLACES)) u_oldest (.clk(clk), .rst(rst), .go(fetch), .phase(oldest));

            // At equal places the memory is empty or full: full where the last to move was a push alone.
            reg filling;
            always @(posedge clk) begin
                if (rst) filling <= 1'b0;
                else if (push != fetch) filling <= push;
            end
            wire some = filling | (newest != oldest);

            if (BLOCK == 0) begin : g_distributed
                (* ram_style = "distributed" *)
                reg [WIDTH-1:0] memory [0:PLACES-1];
                always @(posedge clk) if (push) memory[newest] <= data;
                assign fetch = pop;
                assign valid = some;
                assign head = memory[oldest];
            end else begin : g_block
                reg full;
                assign fetch = some & (~full | pop);
                always @(posedge clk) begin
                    if (rst) full <= 1'b0;
                    else full <= fetch | (full & ~pop);
                end
                assign valid = full;
                bw_memory #(.WIDTH(WIDTH), .WORDS(PLACES), .BLOCK(BLOCK)) u_memory (
                    .clk(clk), .write(push), .write_place(newest), .data(data),
                    .read(fetch), .blank(1'b0), .read_place(oldest), .word(head)
                );
            end
        end
    endgenerate

endmodule

`default_nettype wire
