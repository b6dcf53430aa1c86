// bw_rearrange (and bw_moves, bw_memory): a padded sliding window, tap after tap, from a few lines of memory.
//
//     $ iverilog -g2005 -s bw_rearrange_bench -o bench.vvp bw_rearrange_bench.v bw_front_driver.v ../bw_*.v
//     $ vvp bench.vvp

`default_nettype none

module bw_rearrange_bench;

    parameter WIDTH = 7;
    parameter ROWS = 5;
    parameter COLUMNS = 6;
    parameter KERNEL = 3;
    parameter DEPTH = 2 * COLUMNS + 3;  // the least that does
    parameter BLOCK = 0;
    parameter [WIDTH-1:0] FILL = 21;
    localparam PAD = (KERNEL - 1) / 2;
    localparam IN = WIDTH;
    localparam OUT = WIDTH;
    localparam LATENCY = 1;
    localparam PORTS = 1;
    wire clk, rst, out_ready, out_take, go;
    wire [PORTS-1:0] in_valid, in_pop;
    wire [PORTS*IN-1:0] in_head;
    wire [OUT-1:0] x;
    wire [31:0] number;
    reg [OUT-1:0] wanted;

    bw_front_driver #(.IN(IN), .OUT(OUT), .PORTS(PORTS), .LATENCY(LATENCY)) driver (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .go(go), .x(x), .number(number), .wanted(wanted)
    );

    bw_rearrange #(.WIDTH(WIDTH), .DEPTH(DEPTH), .ROWS(ROWS), .COLUMNS(COLUMNS), .WORDS(1), .LOOPS(4),
        .EXTENT({KERNEL, KERNEL, COLUMNS, ROWS}), .ROW({32'd0, 32'd1, 32'd0, 32'd1}),
        .COLUMN({32'd1, 32'd0, 32'd1, 32'd0}), .WORD(128'd0), .ORIGIN_ROW(-PAD), .ORIGIN_COLUMN(-PAD),
        .ORIGIN_WORD(0), .RELEASE(2), .FILL(FILL), .BLOCK(BLOCK)) dut (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .x(x), .go(go)
    );

    integer pixel, tap, frame, row, column;
    always @(number) begin
        tap = number % (KERNEL * KERNEL);
        pixel = number / (KERNEL * KERNEL) % (ROWS * COLUMNS);
        frame = number / (KERNEL * KERNEL * ROWS * COLUMNS);
        row = pixel / COLUMNS + tap / KERNEL - PAD;
        column = pixel % COLUMNS + tap % KERNEL - PAD;
        if (row < 0 || row >= ROWS || column < 0 || column >= COLUMNS) wanted = FILL;
        else wanted = driver.word((frame * ROWS + row) * COLUMNS + column, 0);
    end

endmodule

`default_nettype wire
