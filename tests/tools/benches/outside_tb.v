// A network that reads its weights from memory, as a processor has it beside itself: the wrapper for DMA, a memory whose
// first page is something else, golden frames as one batch. It runs only once it is told where its weights lie.
`default_nettype none

module outside_tb;

    parameter IN_BITS = 8, OUT_BITS = 16, IN_WORDS = 1, OUT_WORDS = 1, DATA = 64, BEATS = 16;
    localparam [11:0] MAGIC = 0, BUILD = 8, FRAMES = 12, BASE = 16, HIGH = 20, RUN = 24, FAULT = 28;

    reg clk, resetn, in_valid, out_ready, awvalid, wvalid, bready, arvalid, rready;
    reg [11:0] awaddr, araddr;
    reg [31:0] wdata;
    reg [3:0] wstrb;
    wire in_ready, out_valid, out_last, awready, wready, bvalid, arready, rvalid;
    wire [1:0] bresp, rresp;
    wire [31:0] rdata;
    wire [OUT_BITS-1:0] out_data;
    reg [IN_BITS-1:0] frames_in [0:IN_WORDS-1];
    reg [OUT_BITS-1:0] frames_out [0:OUT_WORDS-1];

    wire [31:0] m_araddr;
    wire [7:0] m_arlen;
    wire m_arvalid, m_arready, m_rlast, m_rvalid, m_rready, wrong;
    wire [1:0] m_rresp;
    wire [DATA-1:0] m_rdata;
    reg [31:0] sent;

    `WRAPPER dut (
        .aclk(clk), .aresetn(resetn),
        .s_axis_tdata(frames_in[sent]), .s_axis_tvalid(in_valid), .s_axis_tready(in_ready),
        .s_axis_tlast(sent == IN_WORDS - 1),
        .m_axis_tdata(out_data), .m_axis_tvalid(out_valid), .m_axis_tready(out_ready), .m_axis_tlast(out_last),
        .s_axil_awaddr(awaddr), .s_axil_awvalid(awvalid), .s_axil_awready(awready),
        .s_axil_wdata(wdata), .s_axil_wstrb(wstrb), .s_axil_wvalid(wvalid), .s_axil_wready(wready),
        .s_axil_bresp(bresp), .s_axil_bvalid(bvalid), .s_axil_bready(bready),
        .s_axil_araddr(araddr), .s_axil_arvalid(arvalid), .s_axil_arready(arready),
        .s_axil_rdata(rdata), .s_axil_rresp(rresp), .s_axil_rvalid(rvalid), .s_axil_rready(rready),
        .m_axi_araddr(m_araddr), .m_axi_arlen(m_arlen), .m_axi_arvalid(m_arvalid), .m_axi_arready(m_arready),
        .m_axi_arsize(), .m_axi_arburst(), .m_axi_arcache(), .m_axi_arprot(),
        .m_axi_rdata(m_rdata), .m_axi_rresp(m_rresp), .m_axi_rlast(m_rlast), .m_axi_rvalid(m_rvalid),
        .m_axi_rready(m_rready)
    );

    bw_bench_memory #(.DATA(DATA), .BEATS(BEATS), .LATENCY(7), .FILE("outside_memory.hex")) memory (
        .clk(clk), .rst(~resetn), .accepts(1'b1), .answers(1'b1), .wrong(wrong),
        .araddr(m_araddr), .arlen(m_arlen), .arvalid(m_arvalid), .arready(m_arready), .rdata(m_rdata),
        .rresp(m_rresp), .rlast(m_rlast), .rvalid(m_rvalid), .rready(m_rready),
        .awaddr(32'd0), .awlen(8'd0), .awvalid(1'b0), .awready(), .wdata({DATA{1'b0}}), .wlast(1'b0), .wvalid(1'b0),
        .wready(), .bresp(), .bvalid(), .bready(1'b0)
    );

    initial begin
        clk = 1'b0;
        forever #5 clk = ~clk;
    end

    reg failed;
    integer got;
    initial begin
        $readmemh("s_axis.hex", frames_in);
        $readmemh("m_axis.hex", frames_out);
        {failed, resetn, in_valid, out_ready, awvalid, wvalid, bready, arvalid, rready} = 9'd0;
        awaddr = 0;
        araddr = 0;
        wdata = 0;
        wstrb = 4'hF;
        sent = 0;
        got = 0;
        repeat (4) @(negedge clk);
        resetn = 1'b1;
        expects(MAGIC, 32'h42575254, 2'b00);
        expects(BUILD, `BUILD, 2'b00);
        expects(12'h020, 32'd0, 2'b10);
        // Nothing moves before the network runs.
        in_valid = 1'b1;
        repeat (50) @(negedge clk);
        if (in_ready | m_arvalid) fail("it runs before it is told to");
        writes(BASE, 32'h1000, 2'b00);
        writes(HIGH, 32'd0, 2'b00);
        writes(MAGIC, 32'd0, 2'b10);
        expects(BASE, 32'h1000, 2'b00);
        writes(RUN, 32'd1, 2'b00);
        writes(BASE, 32'd0, 2'b10);
        expects(BASE, 32'h1000, 2'b00);
        out_ready = 1'b1;
        wait (got == OUT_WORDS);
        repeat (4) @(negedge clk);
        expects(FRAMES, `FRAMES, 2'b00);
        expects(FAULT, 32'd0, 2'b00);
        if (wrong) fail("a burst leaves the memory");
        if (!failed) $display("PASS %0d words", got);
        $finish;
    end

    always @(posedge clk) begin
        if (in_valid & in_ready) begin
            sent <= sent + 1;
            if (sent == IN_WORDS - 1) in_valid <= 1'b0;
        end
        if (out_valid & out_ready) begin
            if (out_data !== frames_out[got]) fail("a wrong word");
            if (out_last !== (got == OUT_WORDS - 1)) fail("TLAST stands elsewhere");
            got <= got + 1;
        end
    end

    initial begin
        repeat (200000) @(posedge clk);
        fail("it does not end");
        $finish;
    end

    task writes(input [11:0] place, input [31:0] value, input [1:0] answer);
        begin
            awaddr = place;
            wdata = value;
            {awvalid, wvalid} = 2'b11;
            bready = 1'b1;
            #1 while (!awready) @(negedge clk);
            @(negedge clk) {awvalid, wvalid} = 2'b00;
            while (!bvalid) @(negedge clk);
            if (bresp !== answer) fail("a wrong answer to a write");
            @(negedge clk) bready = 1'b0;
        end
    endtask

    task expects(input [11:0] place, input [31:0] value, input [1:0] answer);
        begin
            araddr = place;
            arvalid = 1'b1;
            rready = 1'b1;
            #1 while (!arready) @(negedge clk);
            @(negedge clk) arvalid = 1'b0;
            while (!rvalid) @(negedge clk);
            if (rresp !== answer || (answer == 2'b00 && rdata !== value)) fail("a register says something else");
            @(negedge clk) rready = 1'b0;
        end
    endtask

    task fail(input [8*40:1] what);
        begin
            if (!failed) $display("FAIL at word %0d: %0s", got, what);
            failed = 1'b1;
        end
    endtask

endmodule

`default_nettype wire
