// An eager design behind bw_batch: its words stand ready before any input has come. Two batches of two frames and
// of one, 3 words in and 2 words out a frame: a frame's last word must wait for its input, TLAST end each batch.
`timescale 1ns / 1ps
module bw_batch_tb;
    reg aclk = 0, aresetn = 0, s_moves = 0, s_tlast = 0, m_tready = 1;
    wire d_tready, m_tvalid, m_tlast;
    integer taken = 0, sent = 0, bad = 0, cycle;

    bw_batch #(.IN_BEATS(3), .OUT_BEATS(2)) dut (
        .aclk(aclk), .aresetn(aresetn), .s_moves(s_moves), .s_tlast(s_tlast), .d_tvalid(1'b1), .d_tready(d_tready),
        .m_tvalid(m_tvalid), .m_tready(m_tready), .m_tlast(m_tlast)
    );

    always #1 aclk = ~aclk;

    always @(negedge aclk) if (aresetn) begin
        if (d_tready !== (m_tvalid & m_tready)) bad = bad + 1;
        if (m_tvalid & m_tready) begin
            // Word 2 f + 1 is the last of frame f, which needs 3 (f + 1) words of input.
            if (taken % 2 == 1 && sent < 3 * (taken / 2 + 1)) begin bad = bad + 1; $display("early word %0d", taken); end
            if (m_tlast !== (taken == 3 || taken == 5)) begin bad = bad + 1; $display("TLAST %b at %0d", m_tlast, taken); end
        end
    end

    always @(posedge aclk) if (aresetn) begin
        if (m_tvalid & m_tready) taken <= taken + 1;
        if (s_moves) sent <= sent + 1;
    end

    initial begin
        #7 aresetn = 1;
        for (cycle = 0; cycle < 80; cycle = cycle + 1) begin
            @(posedge aclk); #0.1;
            // A word in every fourth cycle; the batches end with words 6 and 9. The sink
            // pauses now and then, and once until the end of a batch is known before its last frame has begun to leave.
            s_moves = cycle % 4 == 3 && sent < 9;
            s_tlast = sent == 5 || sent == 8;
            m_tready = cycle % 5 != 2 && !(cycle > 13 && cycle < 30);
        end
        // The first word of a frame whose input has not begun may stand ready, but no more.
        if (taken != 7) begin bad = bad + 1; $display("%0d words left", taken); end
        $display("%0s", bad == 0 ? "PASS" : "FAIL");
        $finish;
    end
endmodule
