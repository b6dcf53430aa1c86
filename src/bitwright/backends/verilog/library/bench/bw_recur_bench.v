// bw_recur: running sums of a round's words, through registers in the loop or without.
//
// `x` is the word, and beside it the state that it meets: the sum of the words before it in its round, from 37 on.
//
//     $ iverilog -g2005 -s bw_recur_bench -o bench.vvp bw_recur_bench.v bw_front_driver.v ../bw_*.v
//     $ vvp bench.vvp

`default_nettype none

module bw_recur_bench;

    parameter COUNT = 3;
    parameter LAST = 0;
    parameter CYCLES = 4;
    localparam IN = 8;
    localparam OUT = 16;
    localparam LATENCY = 1;
    localparam PORTS = 1;
    wire clk, rst, out_ready, out_take, go;
    wire [PORTS-1:0] in_valid, in_pop;
    wire [PORTS*IN-1:0] in_head;
    wire [7:0] x, state, next, sum;
    wire [31:0] number;
    reg [OUT-1:0] wanted;

    bw_front_driver #(.IN(IN), .OUT(OUT), .PORTS(PORTS), .LATENCY(LATENCY)) driver (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .go(go), .x({state, x}), .number(number), .wanted(wanted)
    );

    bw_recur #(.WIDTH(IN), .STATE(8), .INITIAL(8'd37), .COUNT(COUNT), .LAST(LAST), .CYCLES(CYCLES)) dut (
        .clk(clk), .rst(rst), .in_valid(in_valid), .in_head(in_head), .in_pop(in_pop), .out_ready(out_ready),
        .out_take(out_take), .x(x), .go(go), .state(state), .next(next)
    );

    assign sum = x + state;
    bw_delay #(.WIDTH(8), .CYCLES(CYCLES - 1)) loop (.clk(clk), .data(sum), .late(next));

    integer first, n;
    reg [7:0] total;
    always @(number) begin
        n = LAST != 0 ? number * COUNT + COUNT - 1 : number;
        total = 8'd37;
        for (first = n - n % COUNT; first < n; first = first + 1) total = total + driver.word(first, 0);
        wanted = {total, driver.word(n, 0)};
    end

endmodule

`default_nettype wire
