// bw_window (and bw_scan, bw_taps, bw_memory): every tap of every window, padding included.
//
//     $ iverilog -g2005 -s bw_window_bench -o bench.vvp bw_window_bench.v bw_front_driver.v ../bw_*.v
//     $ vvp bench.vvp

`default_nettype none

module bw_window_bench;

    parameter WIDTH = 7;
    parameter GROUPS = 2;
    parameter ROWS = 5;
    parameter COLUMNS = 6;
    parameter KERNEL = 3;
    parameter STRIDE = 1;
    parameter DILATION = 1;
    parameter PAD = 1;
    parameter BLOCK = 0;
    parameter [WIDTH-1:0] FILL = 21;
    localparam REACH = (KERNEL - 1) * DILATION;
    localparam OUT_ROWS = (ROWS + 2 * PAD - REACH - 1) / STRIDE + 1;
    localparam OUT_COLUMNS = (COLUMNS + 2 * PAD - REACH - 1) / STRIDE + 1;
    localparam IN = WIDTH;
    localparam OUT = KERNEL * KERNEL * WIDTH;
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

    bw_window #(.WIDTH(WIDTH), .GROUPS(GROUPS), .ROWS(ROWS), .COLUMNS(COLUMNS),
        .KERNEL_ROWS(KERNEL), .KERNEL_COLUMNS(KERNEL),
        .STRIDE_ROWS(STRIDE), .STRIDE_COLUMNS(STRIDE), .PAD_TOP(PAD), .PAD_BOTTOM(PAD), .PAD_LEFT(PAD),
        .PAD_RIGHT(PAD), .DILATION_ROWS(DILATION), .DILATION_COLUMNS(DILATION), .FILL(FILL), .BLOCK(BLOCK)) dut (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .x(x), .go(go)
    );

    integer pixel, frame, r, c, row, column;
    always @(number) begin
        pixel = number / GROUPS % (OUT_ROWS * OUT_COLUMNS);
        frame = number / (GROUPS * OUT_ROWS * OUT_COLUMNS);
        for (r = 0; r < KERNEL; r = r + 1) begin
            for (c = 0; c < KERNEL; c = c + 1) begin
                row = pixel / OUT_COLUMNS * STRIDE + r * DILATION - PAD;
                column = pixel % OUT_COLUMNS * STRIDE + c * DILATION - PAD;
                if (row < 0 || row >= ROWS || column < 0 || column >= COLUMNS) begin
                    wanted[WIDTH*(r*KERNEL+c)+:WIDTH] = FILL;
                end else begin
                    wanted[WIDTH*(r*KERNEL+c)+:WIDTH] =
                        driver.word(((frame * ROWS + row) * COLUMNS + column) * GROUPS + number % GROUPS, 0);
                end
            end
        end
    end

endmodule

`default_nettype wire
