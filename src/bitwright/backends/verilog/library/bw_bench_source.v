// Sends FRAMES frames of WORDS beats as AXI4-Stream, from a memory image with a line per beat, and pauses at random
// (PAUSE of 8 cycles on average, or what +pause=n on the command line says; 0 never). A beat that was offered stays
// until it is taken.

`default_nettype none

module bw_bench_source #(
    parameter BITS = 8,
    parameter WORDS = 1,
    parameter FRAMES = 1,
    parameter PAUSE = 3,
    parameter SEED = 1,
    parameter FILE = "in.hex"
) (
    input  wire             aclk,
    input  wire             aresetn,
    output reg  [BITS-1:0]  tdata,
    output reg              tvalid,
    input  wire             tready,
    output reg              tlast
);

    reg [BITS-1:0] given [0:WORDS*FRAMES-1];
    integer pause;
    integer seed;
    integer next;

    initial begin
        $readmemh(FILE, given);
        if (!$value$plusargs("pause=%d", pause)) pause = PAUSE;
        seed = SEED;
        next = 0;
        tvalid = 1'b0;
        tdata = {BITS{1'bx}};
        tlast = 1'bx;
    end

    // The next beat is chosen behind the edge, so that whoever looks at the edge sees the old one.
    always @(posedge aclk) begin
        if (aresetn) begin
            if (tvalid && tready) next = next + 1;
            if (!tvalid || tready) begin
                if (next < WORDS * FRAMES && (pause == 0 || $unsigned($random(seed)) % 8 >= pause)) begin
                    tvalid <= 1'b1;
                    tdata <= given[next];
                    tlast <= next % WORDS == WORDS - 1;
                end else begin
                    tvalid <= 1'b0;
                    tdata <= {BITS{1'bx}};
                    tlast <= 1'bx;
                end
            end
        end
    end

endmodule

`default_nettype wire
