// Drives a front of the library and checks its words; every bench of a front holds one.
//
// Word n of port p is word(n, p), any bits that tell words apart. Words are offered and places are free at random, in
// RATE of 8 cycles on average (8: always). The bench answers the number of the next word of the result with `wanted`.
// After WORDS words it prints "PASS n words, m cycles", or "FAIL ..." at the first difference, at a word without a
// step or a step without its word, and when nothing has come for 10000 cycles.

`default_nettype none

module bw_front_driver #(
    parameter IN = 8,
    parameter OUT = 8,
    parameter PORTS = 1,
    parameter WORDS = 200,
    parameter LATENCY = 1,
    parameter RATE = 5,
    parameter SEED = 1
) (
    output reg                 clk,
    output reg                 rst,
    output reg  [PORTS-1:0]    in_valid,
    output wire [PORTS*IN-1:0] in_head,
    input  wire [PORTS-1:0]    in_pop,
    output reg                 out_ready,
    input  wire                out_take,
    input  wire                go,
    input  wire [OUT-1:0]      x,
    output integer             number,
    input  wire [OUT-1:0]      wanted
);

    function [IN-1:0] word(input integer n, input integer port);
        reg [31:0] bits;
        begin
            bits = (n + 1) * 32'd2654435761 + port * 32'd40503;
            bits = bits ^ (bits >> 15);
            word = {((IN + 31) / 32) {bits}};
        end
    endfunction

    integer read [0:PORTS-1];
    integer seed;
    integer cycles;
    integer idle;
    integer p;
    reg failed;
    reg [LATENCY:0] due;

    genvar g;
    generate
        for (g = 0; g < PORTS; g = g + 1) begin : g_head
            assign in_head[IN*g+:IN] = word(read[g], g);
        end
    endgenerate

    initial begin
        clk = 1'b0;
        rst = 1'b1;
        in_valid = {PORTS{1'b0}};
        out_ready = 1'b0;
        seed = SEED;
        number = 0;
        cycles = 0;
        idle = 0;
        failed = 1'b0;
        due = 0;
        for (p = 0; p < PORTS; p = p + 1) read[p] = 0;
        repeat (4) begin
            #5 clk = 1'b1;
            #5 clk = 1'b0;
        end
        rst = 1'b0;
        while (number < WORDS && !failed && idle < 10000) begin
            for (p = 0; p < PORTS; p = p + 1) in_valid[p] = $unsigned($random(seed)) % 8 < RATE;
            out_ready = $unsigned($random(seed)) % 8 < RATE;
            #4 due = {due[LATENCY-1:0], out_take};
            check;
            #1 clk = 1'b1;
            #1 for (p = 0; p < PORTS; p = p + 1) if (in_valid[p] && popped[p]) read[p] = read[p] + 1;
            #4 clk = 1'b0;
            cycles = cycles + 1;
        end
        if (!failed && number == WORDS) $display("PASS %0d words, %0d cycles", number, cycles);
        else if (!failed) $display("FAIL word %0d does not come", number);
        $finish;
    end

    // What was popped, as it stood before the edge.
    reg [PORTS-1:0] popped;
    always @(posedge clk) popped <= in_pop;

    task check;
        begin
            idle = idle + 1;
            if (go !== due[LATENCY]) fail("go is not where the step's word is");
            if (out_take && !out_ready) fail("a step wrote without a place");
            if (|(in_pop & ~in_valid)) fail("a step read what is not there");
            if (go && x !== wanted) fail("wrong word");
            if (go) begin
                number = number + 1;
                idle = 0;
            end
        end
    endtask

    task fail(input [8*40:1] what);
        begin
            $display("FAIL word %0d, cycle %0d: %0s", number, cycles, what);
            $display("  x        %h", x);
            $display("  expected %h", wanted);
            failed = 1'b1;
        end
    endtask

endmodule

`default_nettype wire
