// The front of a folded recurrent layer: a row of the argument and what goes back from the row before, word by word,
// once for each of BLOCKS blocks of sums.
//
// Steps go through (block, fold), the fold innermost: first the XFOLDS words of the row, which block 0 reads and stores
// and later blocks replay, then BLOCKS words that the blocks of the row before gave back, a word each. The last fold of
// a block gives a word of the result (with LAST only in the last of ROWS rows). Then IDLE steps pass, so that what goes
// back is there when it is read.
//
// XWIDTH   bits of a word of the argument
// HWIDTH   bits of a word that goes back
// WIDTH    bits of x, which has either in its lowest bits and zeros above
// INITIAL  each word that the first of ROWS rows finds
//
// Timing: step in cycle t -> the place of its weights (block, fold) on `index` in t + 1, and x, go, first, last (of its
// block) and tell (it gives a word) in t + 2: the choice between row and vector stays out of the products behind it.
// A word given back in cycle t (back, part) can be read in t + 1.

`default_nettype none

module bw_cell #(
    parameter XWIDTH = 8,
    parameter HWIDTH = 8,
    parameter WIDTH = 8,
    parameter XFOLDS = 2,
    parameter BLOCKS = 2,
    parameter IDLE = 0,
    parameter ROWS = 2,
    parameter LAST = 0,
    parameter [HWIDTH-1:0] INITIAL = 0,
    parameter INDEX_BITS = $clog2((XFOLDS + BLOCKS) * BLOCKS)
) (
    input  wire                  clk,
    input  wire                  rst,
    input  wire                  in_valid,
    input  wire [XWIDTH-1:0]     in_head,
    output wire                  in_pop,
    input  wire                  out_ready,
    output wire                  out_take,
    output reg  [WIDTH-1:0]      x,
    output reg                   go,
    output reg                   first,
    output reg                   last,
    output reg                   tell,
    output reg  [INDEX_BITS-1:0] index,
    input  wire                  back,
    input  wire [HWIDTH-1:0]     part
);

    localparam FOLDS = XFOLDS + BLOCKS;
    localparam STEPS = FOLDS * BLOCKS;
    localparam FOLD_BITS = $clog2(FOLDS);
    localparam STEP_BITS = $clog2(STEPS + IDLE);
    localparam ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
    localparam X_BITS = XFOLDS > 1 ? $clog2(XFOLDS) : 1;
    localparam [31:0] LAST_FOLD = FOLDS - 1;
    localparam [31:0] LAST_STEP = STEPS - 1;
    localparam [31:0] LAST_ROW = ROWS - 1;
    localparam [31:0] OWN = XFOLDS;
    localparam [31:0] BLOCK = FOLDS;

    wire [STEP_BITS-1:0] step;
    wire [FOLD_BITS-1:0] fold;
    wire [ROW_BITS-1:0] row;
    wire idle = IDLE > 0 && step > LAST_STEP[STEP_BITS-1:0];
    wire own = fold < OWN[FOLD_BITS-1:0];
    wire fresh = BLOCKS == 1 || step < BLOCK[STEP_BITS-1:0];
    wire reads = own & fresh;
    wire ends = fold == LAST_FOLD[FOLD_BITS-1:0];
    wire writes = ends & (LAST == 0 || row == LAST_ROW[ROW_BITS-1:0]);
    wire fire = ~idle & (in_valid | ~reads) & (out_ready | ~writes);

    assign in_pop = fire & reads;
    assign out_take = fire & writes;

    bw_count #(.N(STEPS + IDLE)) u_step (.clk(clk), .rst(rst), .go(fire | idle), .phase(step));
    bw_count #(.N(FOLDS)) u_fold (.clk(clk), .rst(rst), .go(fire), .phase(fold));
    bw_count #(.N(ROWS)) u_row (
        .clk(clk), .rst(rst), .go(fire & (step == LAST_STEP[STEP_BITS-1:0])), .phase(row)
    );

    // The flags of a step, once while its words are read and once beside x.
    reg from_own;
    reg reading;
    reg begins;
    reg closes;
    reg tells;
    always @(posedge clk) begin
        reading <= fire & ~rst;
        begins <= fold == {FOLD_BITS{1'b0}};
        closes <= ends;
        tells <= out_take & ~rst;
        from_own <= own;
        index <= step[INDEX_BITS-1:0];
        go <= reading & ~rst;
        first <= begins;
        last <= closes;
        tell <= tells & ~rst;
    end

    // The row: as it comes, and from a memory of its own for later blocks.
    reg [XWIDTH-1:0] word;
    generate
        if (BLOCKS == 1) begin : g_once
            always @(posedge clk) word <= in_head;
        end else if (XFOLDS == 1) begin : g_hold
            always @(posedge clk) if (in_pop) word <= in_head;
        end else begin : g_replay
            (* ram_style = "distributed" *)
            reg [XWIDTH-1:0] row_words [0:XFOLDS-1];
            always @(posedge clk) begin
                if (in_pop) row_words[fold[X_BITS-1:0]] <= in_head;
                word <= fresh ? in_head : row_words[fold[X_BITS-1:0]];
            end
        end
    endgenerate

    wire [HWIDTH-1:0] vector;
    bw_feedback #(
        .WIDTH(HWIDTH), .PARTS(BLOCKS), .TURNS(BLOCKS), .ROWS(ROWS), .TWICE(BLOCKS > 1), .INITIAL(INITIAL)
    ) u_feedback (.clk(clk), .rst(rst), .write(back), .data(part), .read(fire & ~own), .word(vector));

    wire [WIDTH-1:0] wide_word;
    wire [WIDTH-1:0] wide_vector;
    generate
        if (WIDTH > XWIDTH) begin : g_wide_word
            assign wide_word = {{(WIDTH - XWIDTH) {1'b0}}, word};
        end else begin : g_word
            assign wide_word = word;
        end
        if (WIDTH > HWIDTH) begin : g_wide_vector
            assign wide_vector = {{(WIDTH - HWIDTH) {1'b0}}, vector};
        end else begin : g_vector
            assign wide_vector = vector;
        end
    endgenerate
    always @(posedge clk) x <= from_own ? wide_word : wide_vector;

endmodule

`default_nettype wire
