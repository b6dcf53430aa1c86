// Words that go from one row to the next: each row reads all words that the row before has written.
//
// WIDTH    bits of a word
// PARTS    words of a row
// TURNS    how often a row reads all of them
// ROWS     rows of a round; the first one reads INITIAL
// TWICE    1: words are written before the row has read all: two rows' words take turns in the memory
//
// Words are written and read in order. Timing: `read` in cycle t -> `word` in t + 1, held until the next; a word must
// not be read in the cycle in which it is written, or before.

`default_nettype none

module bw_feedback #(
    parameter WIDTH = 8,
    parameter PARTS = 4,
    parameter TURNS = 1,
    parameter ROWS = 2,
    parameter TWICE = 1,
    parameter [WIDTH-1:0] INITIAL = 0
) (
    input  wire             clk,
    input  wire             rst,
    input  wire             write,
    input  wire [WIDTH-1:0] data,
    input  wire             read,
    output wire [WIDTH-1:0] word
);

    localparam PART_BITS = PARTS > 1 ? $clog2(PARTS) : 1;
    localparam TURN_BITS = TURNS > 1 ? $clog2(TURNS) : 1;
    localparam ROW_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
    localparam BITS = PART_BITS + (TWICE != 0 ? 1 : 0);
    localparam [31:0] LAST_PART = PARTS - 1;
    localparam [31:0] LAST_TURN = TURNS - 1;

    wire [PART_BITS-1:0] written;
    wire [PART_BITS-1:0] part;
    wire [TURN_BITS-1:0] turn;
    wire [ROW_BITS-1:0] row;
    wire once = read & (part == LAST_PART[PART_BITS-1:0]);
    wire all = once & (turn == LAST_TURN[TURN_BITS-1:0]);

    bw_count #(.N(PARTS)) u_written (.clk(clk), .rst(rst), .go(write), .phase(written));
    bw_count #(.N(PARTS)) u_part (.clk(clk), .rst(rst), .go(read), .phase(part));
    bw_count #(.N(TURNS)) u_turn (.clk(clk), .rst(rst), .go(once), .phase(turn));
    bw_count #(.N(ROWS)) u_row (.clk(clk), .rst(rst), .go(all), .phase(row));

    wire [BITS-1:0] write_place;
    wire [BITS-1:0] read_place;
    generate
        if (TWICE != 0) begin : g_twice
            // A row reads the half that the row before has written.
            reg write_half;
            reg read_half;
            always @(posedge clk) begin
                if (rst) write_half <= 1'b0;
                else if (write && written == LAST_PART[PART_BITS-1:0]) write_half <= ~write_half;
                if (rst) read_half <= 1'b1;
                else if (all) read_half <= ~read_half;
            end
            assign write_place = {write_half, written};
            assign read_place = {read_half, part};
        end else begin : g_once
            assign write_place = written;
            assign read_place = part;
        end
    endgenerate

    bw_memory #(.WIDTH(WIDTH), .WORDS(1 << BITS), .FILL(INITIAL)) u_memory (
        .clk(clk), .write(write), .write_place(write_place), .data(data),
        .read(read), .blank(row == {ROW_BITS{1'b0}}), .read_place(read_place), .word(word)
    );

endmodule

`default_nettype wire
