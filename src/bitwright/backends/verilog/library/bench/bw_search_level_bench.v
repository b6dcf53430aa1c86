// bw_search_level: one more bit of how many thresholds a word has reached, two cycles later.
//
// The threshold of part `found` in phase `phase` is its place in the memory, {phase, found};
// a word comes in every cycle.
//
//     $ iverilog -g2005 -s bw_search_level_bench -o bench.vvp bw_search_level_bench.v ../bw_*.v && vvp bench.vvp

`default_nettype none

module bw_search_level_bench;

    parameter LEVEL = 2;
    parameter PHASES = 3;
    parameter BLOCK = 0;
    localparam PHASE_BITS = PHASES > 1 ? $clog2(PHASES) : 1;
    localparam FOUND_BITS = LEVEL > 0 ? LEVEL : 1;

    reg clk;
    reg [5:0] x;
    reg [PHASE_BITS-1:0] phase;
    reg [FOUND_BITS-1:0] found;
    wire [5:0] next_x;
    wire [PHASE_BITS-1:0] next_phase;
    wire [LEVEL:0] next_found;

    bw_search_level #(
        .WIDTH(6), .SIGNED(0), .LEVEL(LEVEL), .PHASES(PHASES), .BLOCK(BLOCK), .FILE("bw_search_level_bench.hex")
    ) dut (
        .clk(clk), .x(x), .phase(phase), .found(found), .next_x(next_x), .next_phase(next_phase),
        .next_found(next_found)
    );

    integer seed, n, place, wanted;
    reg failed;
    reg [31:0] words [0:2];

    initial begin
        clk = 1'b0;
        seed = 1;
        failed = 1'b0;
        for (n = 0; n < 500 && !failed; n = n + 1) begin
            x = $random(seed);
            phase = $unsigned($random(seed)) % PHASES;
            found = $random(seed);
            place = PHASES > 1 ? phase : 0;
            if (LEVEL > 0) place = (place << LEVEL) + found;
            wanted = ((LEVEL > 0 ? found : 0) << 1) + (x >= place);
            words[2] = words[1];
            words[1] = words[0];
            words[0] = {8'd0, x, 4'd0, {(4 - PHASE_BITS) {1'b0}}, phase, wanted[9:0]};
            if (n > 1 && (next_x !== words[2][23:18] || next_phase !== words[2][10+:PHASE_BITS]
                          || next_found !== words[2][LEVEL:0])) begin
                $display("FAIL word %0d: found %b instead of %b", n - 2, next_found, words[2][LEVEL:0]);
                failed = 1'b1;
            end
            #5 clk = 1'b1;
            #5 clk = 1'b0;
        end
        if (!failed) $display("PASS %0d words", n);
        $finish;
    end

endmodule

`default_nettype wire
