// Feeds a fixed pipeline with golden vectors, one in every clock cycle, and checks every answer LATENCY
// cycles later. Prints "PASS n vectors", or the first difference and how many vectors differ.
//
// Before the first vector and after the last the inputs are unknown (x) and in_valid is low, so that an
// answer that comes too early or too late differs. With CHECK_VALID, out_valid must be high for exactly
// the cycles of the answers.

`default_nettype none

module bw_bench #(
    parameter IN_BITS = 1,
    parameter OUT_BITS = 1,
    parameter VECTORS = 1,
    parameter LATENCY = 0,
    parameter CHECK_VALID = 0,
    parameter IN_FILE = "in.hex",
    parameter OUT_FILE = "out.hex"
) (
    output reg                clk,
    output reg                rst,
    output reg                in_valid,
    output reg  [IN_BITS-1:0] stimulus,
    input  wire               out_valid,
    input  wire [OUT_BITS-1:0] answer
);

    reg [IN_BITS-1:0] given [0:VECTORS-1];
    reg [OUT_BITS-1:0] wanted [0:VECTORS-1];

    integer cycle;
    integer errors;
    integer bit_place;
    reg due;

    initial begin
        $readmemh(IN_FILE, given);
        $readmemh(OUT_FILE, wanted);
        errors = 0;
        clk = 1'b0;
        rst = 1'b1;
        in_valid = 1'b0;
        stimulus = {IN_BITS{1'bx}};

        // The reset is as long as the pipeline and one cycle more, with unknown data inside.
        for (cycle = 0; cycle <= LATENCY; cycle = cycle + 1) begin
            #5 clk = 1'b1;
            #5 clk = 1'b0;
        end
        rst = 1'b0;

        for (cycle = 0; cycle < VECTORS + 2 * LATENCY + 1; cycle = cycle + 1) begin
            in_valid = cycle < VECTORS;
            stimulus = {IN_BITS{1'bx}};
            if (cycle < VECTORS) stimulus = given[cycle];
            #4;
            due = cycle >= LATENCY && cycle < LATENCY + VECTORS;
            if (due && answer !== wanted[cycle-LATENCY]) begin
                if (errors == 0) report(cycle - LATENCY);
                errors = errors + 1;
            end
            if (CHECK_VALID != 0 && out_valid !== due) begin
                $display("FAIL cycle %0d: out_valid is %b, expected %b", cycle, out_valid, due);
                errors = errors + 1;
            end
            #1 clk = 1'b1;
            #5 clk = 1'b0;
        end

        if (errors == 0) $display("PASS %0d vectors", VECTORS);
        else $display("FAIL %0d differences in %0d vectors", errors, VECTORS);
        $finish;
    end

    task report(input integer vector);
        begin
            bit_place = 0;
            while (answer[bit_place] === wanted[vector][bit_place]) bit_place = bit_place + 1;
            $display("FAIL vector %0d, first at output bit %0d", vector, bit_place);
            $display("  input    %h", given[vector]);
            $display("  answer   %h", answer);
            $display("  expected %h", wanted[vector]);
        end
    endtask

endmodule

`default_nettype wire
