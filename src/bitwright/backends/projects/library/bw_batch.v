// TLAST for a DMA engine: high on the last word of the last frame of a batch, whose end the input's TLAST told.
//
// A frame is IN_BEATS words in and OUT_BEATS words out. The last word of a frame waits here until its input is
// wholly in, so that the end of the batch is known when it leaves; words of a later frame that come without
// input (of a padded border) stay before the design.

`default_nettype none

module bw_batch #(
    parameter IN_BEATS = 1,
    parameter OUT_BEATS = 1
) (
    input  wire aclk,
    input  wire aresetn,
    input  wire s_moves,
    input  wire s_tlast,
    input  wire d_tvalid,
    output wire d_tready,
    output wire m_tvalid,
    input  wire m_tready,
    output wire m_tlast
);

    reg [31:0] in_beat;
    reg [31:0] out_beat;
    reg [31:0] frames_in;
    reg [31:0] frames_out;
    reg [31:0] batch_end;
    reg        batch_known;

    wire in_ends = in_beat == IN_BEATS - 1;
    wire out_ends = out_beat == OUT_BEATS - 1;
    wire [31:0] next_in = frames_in + 32'd1;
    wire [31:0] next_out = frames_out + 32'd1;
    wire held = out_ends & (frames_in == frames_out);
    wire moves = m_tvalid & m_tready;

    assign m_tvalid = d_tvalid & ~held;
    assign d_tready = m_tready & ~held;
    assign m_tlast = out_ends & batch_known & (batch_end == next_out);

    always @(posedge aclk) begin
        if (!aresetn) begin
            in_beat <= 32'd0;
            out_beat <= 32'd0;
            frames_in <= 32'd0;
            frames_out <= 32'd0;
            batch_end <= 32'd0;
            batch_known <= 1'b0;
        end else begin
            if (s_moves) begin
                in_beat <= in_ends ? 32'd0 : in_beat + 32'd1;
                if (in_ends) frames_in <= next_in;
            end
            if (moves) begin
                out_beat <= out_ends ? 32'd0 : out_beat + 32'd1;
                if (out_ends) frames_out <= next_out;
            end
            if (s_moves & in_ends & s_tlast) begin
                batch_end <= next_in;
                batch_known <= 1'b1;
            end else if (moves & m_tlast) begin
                batch_known <= 1'b0;
            end
        end
    end

endmodule

`default_nettype wire
