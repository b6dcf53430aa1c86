// Clock and reset of a bench, and its verdict: "PASS n frames, m cycles" once everything is `done`, or
// "FAIL ..." when something `failed` or when no beat `moves` for PATIENCE cycles (a deadlock).

`default_nettype none

module bw_bench_clock #(
    parameter FRAMES = 1,
    parameter PATIENCE = 100000
) (
    output reg  aclk,
    output reg  aresetn,
    input  wire done,
    input  wire failed,
    input  wire moves
);

    integer cycles;
    integer idle;

    initial begin
        aclk = 1'b0;
        aresetn = 1'b0;
        repeat (4) begin
            #5 aclk = 1'b1;
            #5 aclk = 1'b0;
        end
        aresetn = 1'b1;
        cycles = 0;
        idle = 0;
        while (!done && !failed && idle < PATIENCE) begin
            idle = moves ? 0 : idle + 1;
            cycles = cycles + 1;
            #5 aclk = 1'b1;
            #5 aclk = 1'b0;
        end
        if (failed) $display("FAIL in cycle %0d", cycles);
        else if (!done) $display("FAIL no beat moved for %0d cycles: a deadlock", PATIENCE);
        else $display("PASS %0d frames, %0d cycles", FRAMES, cycles);
        $finish;
    end

endmodule

`default_nettype wire
