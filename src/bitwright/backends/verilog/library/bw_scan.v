// One axis of a sliding window's padded grid, index by index.
//
// SIZE           elements of the argument along the axis
// BEFORE, AFTER  padding
// REACH          (kernel - 1) * dilation: how far a window reaches back
// STRIDE         distance of windows
//
// `present`: the index has an element; `complete`: a window ends here; `last`: the next index is 0. Padding behind the
// last window is left out, elements are not. All are true of the current index, which `step` moves.

`default_nettype none

module bw_scan #(
    parameter SIZE = 4,
    parameter BEFORE = 0,
    parameter AFTER = 0,
    parameter REACH = 0,
    parameter STRIDE = 1
) (
    input  wire clk,
    input  wire rst,
    input  wire step,
    output wire present,
    output wire complete,
    output wire last
);

    localparam WINDOWS = (SIZE + BEFORE + AFTER - REACH - 1) / STRIDE + 1;
    localparam END = REACH + (WINDOWS - 1) * STRIDE;
    localparam LENGTH = BEFORE + SIZE > END + 1 ? BEFORE + SIZE : END + 1;
    localparam BITS = LENGTH > 1 ? $clog2(LENGTH) : 1;

    wire [31:0] index;
    wire [BITS-1:0] number;
    bw_count #(.N(LENGTH)) u_index (.clk(clk), .rst(rst), .go(step), .phase(number));
    assign index = {{(32 - BITS) {1'b0}}, number};

    assign last = index == LENGTH - 1;
    assign present = (BEFORE == 0 || index >= BEFORE) && (BEFORE + SIZE >= LENGTH || index < BEFORE + SIZE);

    wire reached = (REACH == 0 || index >= REACH) && (END + 1 >= LENGTH || index <= END);
    generate
        if (STRIDE == 1 || WINDOWS == 1) begin : g_each
            assign complete = WINDOWS == 1 ? index == END : reached;
        end else begin : g_strided
            // Counts so that it is 0 where the first window ends.
            localparam PHASE_BITS = $clog2(STRIDE);
            localparam [31:0] START = (STRIDE - REACH % STRIDE) % STRIDE;
            localparam [31:0] TOP = STRIDE - 1;
            reg [PHASE_BITS-1:0] phase;
            always @(posedge clk) begin
                if (rst | (step & last)) phase <= START[PHASE_BITS-1:0];
                else if (step) phase <= phase == TOP[PHASE_BITS-1:0] ? {PHASE_BITS{1'b0}} : phase + 1'b1;
            end
            assign complete = reached && phase == {PHASE_BITS{1'b0}};
        end
    endgenerate

endmodule

`default_nettype wire
