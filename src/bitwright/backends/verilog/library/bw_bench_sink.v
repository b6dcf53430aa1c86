// Checks FRAMES frames of WORDS beats of an AXI4-Stream against a memory image with a line per beat, and pauses at
// random (PAUSE of 8 cycles on average, or what +pause=n on the command line says; 0 never). Wrong data, a wrong
// TLAST, a beat that changes or goes away while it waits are failures. `done` rises when all beats have come; what
// follows is the border of a next frame, which needs no input, and not looked at.

`default_nettype none

module bw_bench_sink #(
    parameter BITS = 8,
    parameter WORDS = 1,
    parameter FRAMES = 1,
    parameter PAUSE = 3,
    parameter SEED = 1,
    parameter FILE = "out.hex"
) (
    input  wire             aclk,
    input  wire             aresetn,
    input  wire [BITS-1:0]  tdata,
    input  wire             tvalid,
    output reg              tready,
    input  wire             tlast,
    output reg              done,
    output reg              failed
);

    reg [BITS-1:0] wanted [0:WORDS*FRAMES-1];
    reg [BITS-1:0] waiting_data;
    reg waiting;
    integer pause;
    integer seed;
    integer next;

    initial begin
        $readmemh(FILE, wanted);
        if (!$value$plusargs("pause=%d", pause)) pause = PAUSE;
        seed = SEED;
        next = 0;
        tready = 1'b0;
        done = 1'b0;
        failed = 1'b0;
        waiting = 1'b0;
        waiting_data = {BITS{1'b0}};
    end

    always @(posedge aclk) begin
        if (aresetn) begin
            if (tvalid !== 1'b0 && tvalid !== 1'b1) fail("tvalid is unknown");
            if (waiting && !done && (!tvalid || tdata !== waiting_data)) fail("a beat changed while it waited");
            if (tvalid && !done) begin
                if (tdata !== wanted[next]) fail("wrong data");
                if (tlast !== (next % WORDS == WORDS - 1)) fail("wrong tlast");
            end
            if (tvalid && tready && !done) begin
                next = next + 1;
                done <= next == WORDS * FRAMES;
            end
            waiting <= tvalid & ~tready;
            waiting_data <= tdata;
            tready <= pause == 0 || $unsigned($random(seed)) % 8 >= pause;
        end
    end

    task fail(input [8*40:1] what);
        begin
            if (!failed) begin
                $display("FAIL frame %0d, beat %0d: %0s", next / WORDS, next % WORDS, what);
                $display("  data     %h", tdata);
                $display("  expected %h", wanted[next]);
            end
            failed = 1'b1;
        end
    endtask

endmodule

`default_nettype wire
