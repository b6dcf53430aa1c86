// Sliding windows over (rows, columns, groups of channels), 2D or (ROWS = 1) 1D: all a kernel covers as one word.
//
// Steps walk over the padded grid row by row, groups innermost. They read where the argument has an element and write
// where a window is complete; padding behind the last window is not walked.
//
// WIDTH     bits of a word of the argument (a group of channels), with room for FILL
// GROUPS    words of a pixel; each has its own windows
// FILL      the word that padding holds
// BLOCK     memory of the lines: 0 distributed, 1 block, 2 UltraRAM
// the rest  sizes in pixels
//
// Timing: step in cycle t -> x, go in t + 1; x is (kernel row, kernel column), tap (0, 0) lowest.
//
// The lines above the current one are in a memory with a place for each column and group; the columns to the left of
// the newest are in another, with a place for each group and dilated column, or in registers if that is one.

`default_nettype none

module bw_window #(
    parameter WIDTH = 8,
    parameter GROUPS = 1,
    parameter ROWS = 4,
    parameter COLUMNS = 4,
    parameter KERNEL_ROWS = 3,
    parameter KERNEL_COLUMNS = 3,
    parameter STRIDE_ROWS = 1,
    parameter STRIDE_COLUMNS = 1,
    parameter PAD_TOP = 0,
    parameter PAD_BOTTOM = 0,
    parameter PAD_LEFT = 0,
    parameter PAD_RIGHT = 0,
    parameter DILATION_ROWS = 1,
    parameter DILATION_COLUMNS = 1,
    parameter [WIDTH-1:0] FILL = 0,
    parameter BLOCK = 0
) (
    input  wire                                        clk,
    input  wire                                        rst,
    input  wire                                        in_valid,
    input  wire [WIDTH-1:0]                            in_head,
    output wire                                        in_pop,
    input  wire                                        out_ready,
    output wire                                        out_take,
    output wire [KERNEL_ROWS*KERNEL_COLUMNS*WIDTH-1:0] x,
    output reg                                         go
);

    localparam REACH_ROWS = (KERNEL_ROWS - 1) * DILATION_ROWS;
    localparam REACH_COLUMNS = (KERNEL_COLUMNS - 1) * DILATION_COLUMNS;
    localparam COLUMN_BITS = KERNEL_ROWS * WIDTH;
    localparam GROUP_BITS = GROUPS > 1 ? $clog2(GROUPS) : 1;
    localparam [31:0] LAST_GROUP = GROUPS - 1;

    wire [GROUP_BITS-1:0] group;
    wire row_inside, row_complete, row_last;
    wire column_inside, column_complete, column_last;
    wire reads = row_inside & column_inside;
    wire writes = row_complete & column_complete;
    wire fire = (in_valid | ~reads) & (out_ready | ~writes);
    wire pixel = fire & (group == LAST_GROUP[GROUP_BITS-1:0]);
    assign in_pop = fire & reads;
    assign out_take = fire & writes;

    bw_count #(.N(GROUPS)) u_group (.clk(clk), .rst(rst), .go(fire), .phase(group));
    bw_scan #(
        .SIZE(COLUMNS), .BEFORE(PAD_LEFT), .AFTER(PAD_RIGHT), .REACH(REACH_COLUMNS), .STRIDE(STRIDE_COLUMNS)
    ) u_column (
        .clk(clk), .rst(rst), .step(pixel), .present(column_inside), .complete(column_complete), .last(column_last)
    );
    bw_scan #(.SIZE(ROWS), .BEFORE(PAD_TOP), .AFTER(PAD_BOTTOM), .REACH(REACH_ROWS), .STRIDE(STRIDE_ROWS)) u_row (
        .clk(clk), .rst(rst), .step(pixel & column_last), .present(row_inside), .complete(row_complete), .last(row_last)
    );
    wire unused = &{1'b0, row_last};

    // The newest column: the step's own word lowest, above it those of the rows before.
    reg [WIDTH-1:0] newest;
    wire [COLUMN_BITS-1:0] column;
    always @(posedge clk) begin
        if (fire & ~reads) newest <= FILL;
        else if (fire) newest <= in_head;
        go <= out_take & ~rst;
    end
    assign column[WIDTH-1:0] = newest;

    genvar r, c;
    generate
        if (KERNEL_ROWS > 1) begin : g_lines
            localparam PLACES = COLUMNS * GROUPS;
            localparam PLACE_BITS = PLACES > 1 ? $clog2(PLACES) : 1;
            wire [PLACE_BITS-1:0] place;
            wire [REACH_ROWS*WIDTH-1:0] above;
            wire unused_rows = &{1'b0, above};  // rows that dilation skips are stored, and that is all
            bw_count #(.N(PLACES)) u_place (.clk(clk), .rst(rst), .go(fire & column_inside), .phase(place));
            bw_taps #(
                .WIDTH(WIDTH), .TAPS(REACH_ROWS), .PLACES(PLACES), .BLOCK(BLOCK), .BLANK({REACH_ROWS{FILL}})
            ) u_lines (
                .clk(clk), .rst(rst), .step(fire), .blank(~column_inside), .place(place), .word(newest), .taps(above)
            );
            for (r = 1; r < KERNEL_ROWS; r = r + 1) begin : g_row
                assign column[WIDTH*r+:WIDTH] = above[WIDTH*(r*DILATION_ROWS-1)+:WIDTH];
            end
        end

        // All columns, the newest lowest.
        wire [KERNEL_COLUMNS*COLUMN_BITS-1:0] columns;
        assign columns[COLUMN_BITS-1:0] = column;
        if (KERNEL_COLUMNS > 1) begin : g_columns
            localparam OLDER = KERNEL_COLUMNS - 1;
            localparam PLACES = GROUPS * DILATION_COLUMNS;
            if (PLACES == 1) begin : g_shift
                reg [OLDER*COLUMN_BITS-1:0] older;
                always @(posedge clk) if (fire) older <= columns[OLDER*COLUMN_BITS-1:0];
                assign columns[KERNEL_COLUMNS*COLUMN_BITS-1:COLUMN_BITS] = older;
            end else begin : g_memory
                wire [$clog2(PLACES)-1:0] place;
                bw_count #(.N(PLACES)) u_place (.clk(clk), .rst(rst), .go(fire), .phase(place));
                bw_taps #(.WIDTH(COLUMN_BITS), .TAPS(OLDER), .PLACES(PLACES)) u_older (
                    .clk(clk), .rst(rst), .step(fire), .blank(1'b0), .place(place), .word(column),
                    .taps(columns[KERNEL_COLUMNS*COLUMN_BITS-1:COLUMN_BITS])
                );
            end
        end

        for (r = 0; r < KERNEL_ROWS; r = r + 1) begin : g_tap_row
            for (c = 0; c < KERNEL_COLUMNS; c = c + 1) begin : g_tap
                assign x[WIDTH*(r*KERNEL_COLUMNS+c)+:WIDTH] =
                    columns[COLUMN_BITS*(KERNEL_COLUMNS-1-c)+WIDTH*(KERNEL_ROWS-1-r)+:WIDTH];
            end
        end
    endgenerate

endmodule

`default_nettype wire
