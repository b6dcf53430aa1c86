// The words of a frame in another order, some several times, some never, FILL where the order leaves the grid.
//
// A reader fills a memory of DEPTH words, round and round. A writer walks nested loops over the argument's words,
// which are (row, column, word of the pixel) = (ROWS, COLUMNS, WORDS): its place is ORIGIN + the sum of index * step.
// It waits until the reader has passed the word it needs. The reader waits until the place it fills is free: the
// place that the RELEASE outermost loops alone point to, held to the grid, has passed the word there.
//
// WIDTH              bits of a word, with room for FILL
// LOOPS              how many loops, 0 outermost
// EXTENT             rounds of each loop, 32 bits a loop, loop 0 lowest
// ROW, COLUMN, WORD  what each moves by, two's complement, 32 bits a loop
// RELEASE            how many loops forget words; 0: the whole frame is kept until its end
// FILL               the word outside the grid
// BLOCK              memory: 0 distributed, 1 block, 2 UltraRAM
//
// Timing: a word read in cycle t can be written in t + 1, a place freed by a step in t filled in t + 1;
// writing step in t -> x, go in t + 1.

`default_nettype none

module bw_rearrange #(
    parameter WIDTH = 8,
    parameter DEPTH = 4,
    parameter ROWS = 2,
    parameter COLUMNS = 2,
    parameter WORDS = 1,
    parameter LOOPS = 2,
    parameter [32*LOOPS-1:0] EXTENT = {32'd2, 32'd2},
    parameter [32*LOOPS-1:0] ROW = {32'd1, 32'd0},
    parameter [32*LOOPS-1:0] COLUMN = {32'd0, 32'd1},
    parameter [32*LOOPS-1:0] WORD = {32'd0, 32'd0},
    parameter signed [31:0] ORIGIN_ROW = 0,
    parameter signed [31:0] ORIGIN_COLUMN = 0,
    parameter signed [31:0] ORIGIN_WORD = 0,
    parameter RELEASE = 0,
    parameter [WIDTH-1:0] FILL = 0,
    parameter BLOCK = 0
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             in_valid,
    input  wire [WIDTH-1:0] in_head,
    output wire             in_pop,
    input  wire             out_ready,
    output wire             out_take,
    output wire [WIDTH-1:0] x,
    output reg              go
);

    // All places are counted in words: a column is WORDS, a row ROW_WORDS, a frame FRAME of them.
    localparam signed [31:0] COLUMN_WORDS = WORDS;
    localparam signed [31:0] ROW_WORDS = COLUMNS * WORDS;
    localparam signed [31:0] FRAME = ROWS * COLUMNS * WORDS;
    localparam signed [31:0] ORIGIN = ORIGIN_ROW * ROW_WORDS + ORIGIN_COLUMN * COLUMN_WORDS + ORIGIN_WORD;

    // Steps of the first `count` loops in words; those of the others are 0.
    function [32*LOOPS-1:0] scaled(
        input [32*LOOPS-1:0] steps, input signed [31:0] words, input integer count
    );
        integer l;
        begin
            scaled = {LOOPS{32'd0}};
            for (l = 0; l < count; l = l + 1) scaled[32*l+:32] = $signed(steps[32*l+:32]) * words;
        end
    endfunction

    function [32*LOOPS-1:0] added(input [32*LOOPS-1:0] a, input [32*LOOPS-1:0] b, input [32*LOOPS-1:0] c);
        integer l;
        begin
            for (l = 0; l < LOOPS; l = l + 1) added[32*l+:32] = a[32*l+:32] + b[32*l+:32] + c[32*l+:32];
        end
    endfunction

    // The least (greatest, with `most`) that loops with these steps add to where they start.
    function signed [31:0] extreme(input [32*LOOPS-1:0] steps, input most);
        integer l;
        reg signed [31:0] walked;
        begin
            extreme = 0;
            for (l = 0; l < LOOPS; l = l + 1) begin
                walked = $signed(steps[32*l+:32]) * ($signed(EXTENT[32*l+:32]) - 1);
                if ((walked > 0) == most) extreme = extreme + walked;
            end
        end
    endfunction

    function signed [31:0] held(input signed [31:0] value, input signed [31:0] top);
        begin
            held = value < 0 ? 0 : value > top ? top : value;
        end
    endfunction

    localparam [32*LOOPS-1:0] ROW_STEPS = scaled(ROW, ROW_WORDS, LOOPS);
    localparam [32*LOOPS-1:0] COLUMN_STEPS = scaled(COLUMN, COLUMN_WORDS, LOOPS);
    localparam [32*LOOPS-1:0] STEPS = added(ROW_STEPS, COLUMN_STEPS, WORD);

    // Bits of a two's complement number that holds every place, before, in and behind the grid, and DEPTH more.
    localparam signed [31:0] LOWEST = extreme(ROW_STEPS, 1'b0) + extreme(COLUMN_STEPS, 1'b0) + extreme(WORD, 1'b0);
    localparam signed [31:0] HIGHEST = extreme(ROW_STEPS, 1'b1) + extreme(COLUMN_STEPS, 1'b1) + extreme(WORD, 1'b1);
    localparam BITS = $clog2(
        FRAME + DEPTH + HIGHEST - LOWEST + (ORIGIN_ROW < 0 ? -ORIGIN_ROW : ORIGIN_ROW) * ROW_WORDS
        + (ORIGIN_COLUMN < 0 ? -ORIGIN_COLUMN : ORIGIN_COLUMN) * COLUMN_WORDS
        + (ORIGIN_WORD < 0 ? -ORIGIN_WORD : ORIGIN_WORD) + 2) + 1;

    wire reading;
    wire writing;

    // The loops, and which of them advances with the next step.
    wire [LOOPS:0] advance;
    wire [LOOPS-1:0] last;  // the loop is in its last round
    wire [LOOPS:0] ends;    // and so are all inside it
    assign ends[LOOPS] = 1'b1;
    assign advance[LOOPS] = ends[0];
    genvar n;
    generate
        for (n = 0; n < LOOPS; n = n + 1) begin : g_loop
            localparam [31:0] ROUNDS = EXTENT[32*n+:32];
            localparam [31:0] LAST = ROUNDS - 1;
            localparam INDEX_BITS = ROUNDS > 1 ? $clog2(ROUNDS) : 1;
            wire [INDEX_BITS-1:0] index;
            bw_count #(.N(ROUNDS)) u_index (.clk(clk), .rst(rst), .go(writing & ends[n+1]), .phase(index));
            assign last[n] = index == LAST[INDEX_BITS-1:0];
            assign ends[n] = &last[LOOPS-1:n];
            assign advance[n] = ends[n+1] & ~ends[n];
        end
    endgenerate

    // Whether the writer's place is on the grid: looked at only along axes that the loops leave.
    wire [2:0] present;
    generate
        for (n = 0; n < 3; n = n + 1) begin : g_axis
            localparam [32*LOOPS-1:0] AXIS_STEPS = n == 0 ? ROW : n == 1 ? COLUMN : WORD;
            localparam signed [31:0] START = n == 0 ? ORIGIN_ROW : n == 1 ? ORIGIN_COLUMN : ORIGIN_WORD;
            localparam signed [31:0] SIZE = n == 0 ? ROWS : n == 1 ? COLUMNS : WORDS;
            localparam signed [31:0] LEAST = START + extreme(AXIS_STEPS, 1'b0);
            localparam signed [31:0] MOST = START + extreme(AXIS_STEPS, 1'b1);
            if (LEAST < 0 || MOST >= SIZE) begin : g_leaves
                localparam AXIS_BITS = $clog2((LEAST < 0 ? -LEAST : 0) + (MOST > SIZE ? MOST : SIZE) + 1) + 1;
                reg [AXIS_BITS-1:0] place;
                wire [AXIS_BITS-1:0] change;
                bw_moves #(.BITS(AXIS_BITS), .LOOPS(LOOPS), .EXTENTS(EXTENT), .STEPS(AXIS_STEPS)) u_moves (
                    .advance(advance), .change(change)
                );
                always @(posedge clk) begin
                    if (rst) place <= START[AXIS_BITS-1:0];
                    else if (writing) place <= place + change;
                end
                wire below = LEAST < 0 && place[AXIS_BITS-1];
                wire above = MOST >= SIZE && $signed(place) >= $signed(SIZE[AXIS_BITS-1:0]);
                assign present[n] = ~below & ~above;
            end else begin : g_stays
                assign present[n] = 1'b1;
            end
        end
    endgenerate
    wire on_grid = &present;

    // How far the reader is ahead of the writer's place, less 1: below zero, and the word is not there.
    localparam signed [31:0] NONE_READ = -ORIGIN - 1;
    reg [BITS-1:0] lead;
    wire [BITS-1:0] nearer;
    bw_moves #(
        .BITS(BITS), .LOOPS(LOOPS), .EXTENTS(EXTENT), .STEPS(scaled(STEPS, -1, LOOPS)), .AGAIN(-FRAME)
    ) u_nearer (.advance(advance), .change(nearer));
    // The bit below is the carry that `reading` makes: one chain instead of two.
    wire [BITS:0] lead_next = {lead, 1'b1} + {nearer & {BITS{writing}}, reading};
    always @(posedge clk) lead <= rst ? NONE_READ[BITS-1:0] : lead_next[BITS:1];
    assign writing = (~on_grid | ~lead[BITS-1]) & out_ready;
    assign out_take = writing;

    // How many words of the writer's frame have been read, less DEPTH: the reader stays below what is released.
    localparam signed [31:0] FULL = -DEPTH;
    localparam signed [31:0] BEFORE = -FRAME;
    reg [BITS-1:0] passed;
    wire [BITS-1:0] released;
    wire [BITS:0] passed_next = {passed, 1'b1} + {BEFORE[BITS-1:0] & {BITS{writing & ends[0]}}, reading};
    always @(posedge clk) passed <= rst ? FULL[BITS-1:0] : passed_next[BITS:1];
    assign reading = in_valid & ($signed(passed) < $signed(released));
    assign in_pop = reading;
    wire unused = &{1'b0, lead_next[0], passed_next[0]};

    localparam signed [31:0] FIRST_ROW = ORIGIN_ROW * ROW_WORDS;
    localparam signed [31:0] FIRST_COLUMN = ORIGIN_COLUMN * COLUMN_WORDS;
    localparam signed [31:0] FIRST_RELEASED =
        FIRST_ROW < 0 ? 0 : FIRST_ROW >= FRAME ? FRAME : FIRST_ROW + held(FIRST_COLUMN, ROW_WORDS);
    generate
        if (RELEASE == 0) begin : g_frame
            assign released = {BITS{1'b0}};
        end else begin : g_release
            localparam [32*LOOPS-1:0] FREE_ROWS = scaled(ROW, ROW_WORDS, RELEASE);
            localparam [32*LOOPS-1:0] FREE_COLUMNS = scaled(COLUMN, COLUMN_WORDS, RELEASE);
            localparam signed [31:0] LEFT = FIRST_COLUMN + extreme(FREE_COLUMNS, 1'b0);
            localparam signed [31:0] RIGHT = FIRST_COLUMN + extreme(FREE_COLUMNS, 1'b1);
            localparam ROW_BELOW = FIRST_ROW + extreme(FREE_ROWS, 1'b0) < 0;
            localparam ROW_ABOVE = FIRST_ROW + extreme(FREE_ROWS, 1'b1) >= FRAME;
            localparam COLUMN_BITS = $clog2((LEFT < 0 ? -LEFT : 0) + (RIGHT > ROW_WORDS ? RIGHT : ROW_WORDS) + 1) + 1;
            reg [BITS-1:0] row;
            reg [COLUMN_BITS-1:0] column;
            reg [BITS-1:0] bound;
            wire [BITS-1:0] row_change;
            wire [COLUMN_BITS-1:0] column_change;
            bw_moves #(.BITS(BITS), .LOOPS(LOOPS), .EXTENTS(EXTENT), .STEPS(FREE_ROWS)) u_row (
                .advance(advance), .change(row_change)
            );
            bw_moves #(.BITS(COLUMN_BITS), .LOOPS(LOOPS), .EXTENTS(EXTENT), .STEPS(FREE_COLUMNS)) u_column (
                .advance(advance), .change(column_change)
            );

            // The bound is computed with the step that moves the place, for the reader must know it in the next cycle.
            wire signed [BITS-1:0] row_next = row + row_change;
            wire signed [COLUMN_BITS-1:0] column_next = column + column_change;
            wire left = LEFT < 0 && column_next[COLUMN_BITS-1];
            wire right = RIGHT > ROW_WORDS && column_next > $signed(ROW_WORDS[COLUMN_BITS-1:0]);
            wire [COLUMN_BITS-1:0] inward =
                left ? {COLUMN_BITS{1'b0}} : right ? ROW_WORDS[COLUMN_BITS-1:0] : column_next;
            wire above = ROW_BELOW && row_next[BITS-1];
            wire below = ROW_ABOVE && row_next >= $signed(FRAME[BITS-1:0]);
            always @(posedge clk) begin
                if (rst) begin
                    row <= FIRST_ROW[BITS-1:0];
                    column <= FIRST_COLUMN[COLUMN_BITS-1:0];
                    bound <= FIRST_RELEASED[BITS-1:0];
                end else if (writing) begin
                    row <= row_next;
                    column <= column_next;
                    bound <= above ? {BITS{1'b0}} : below ? FRAME[BITS-1:0] :
                             row_next + {{(BITS - COLUMN_BITS) {1'b0}}, inward};
                end
            end
            assign released = bound;
        end
    endgenerate

    // The memory: word n of all frames is at place n modulo PLACES, a power of two where that takes no more cells.
    localparam PLACE_BITS = DEPTH > 2 ? $clog2(DEPTH) : 1;
    localparam PLACES = (1 << PLACE_BITS) - DEPTH < (BLOCK == 0 ? 64 : 512) ? 1 << PLACE_BITS : DEPTH;
    localparam signed [31:0] AT_FIRST = ((ORIGIN % PLACES) + PLACES) % PLACES;
    wire [PLACE_BITS-1:0] filled;
    reg [PLACE_BITS-1:0] wanted;
    wire [PLACE_BITS:0] around;
    wire [PLACE_BITS:0] ahead = {1'b0, wanted} + around;
    wire [PLACE_BITS:0] back = ahead - PLACES[PLACE_BITS:0];
    wire wraps = PLACES != 1 << PLACE_BITS && ~back[PLACE_BITS];
    bw_count #(.N(PLACES)) u_filled (.clk(clk), .rst(rst), .go(reading), .phase(filled));
    bw_moves #(
        .BITS(PLACE_BITS + 1), .LOOPS(LOOPS), .EXTENTS(EXTENT), .STEPS(STEPS), .AGAIN(FRAME), .MODULUS(PLACES)
    ) u_around (.advance(advance), .change(around));
    always @(posedge clk) begin
        if (rst) wanted <= AT_FIRST[PLACE_BITS-1:0];
        else if (writing) wanted <= wraps ? back[PLACE_BITS-1:0] : ahead[PLACE_BITS-1:0];
        go <= writing & ~rst;
    end

    bw_memory #(.WIDTH(WIDTH), .WORDS(PLACES), .BLOCK(BLOCK), .FILL(FILL)) u_memory (
        .clk(clk), .write(reading), .write_place(filled), .data(in_head),
        .read(writing), .blank(~on_grid), .read_place(wanted), .word(x)
    );

endmodule

`default_nettype wire
