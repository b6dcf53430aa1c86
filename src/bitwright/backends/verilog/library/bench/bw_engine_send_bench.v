// bw_engine_send before bw_bench_memory: runs of words lie in memory, complete and in order, once it is not busy any more.
//
// Transfers of random size go to random bursts, one after the other; memory takes addresses and beats and answers at
// random. The bench fails at a wrong beat in memory, at one beside those that were sent, at a burst that AXI4 forbids, or
// when the sender stays busy.
//
//     $ iverilog -g2005 -s bw_engine_send_bench -o bench.vvp bw_engine_send_bench.v ../bw_*.v && vvp bench.vvp

`default_nettype none

module bw_engine_send_bench;

    parameter DATA = 32;
    parameter BURST = 4;
    parameter WIDTH = 80;
    parameter OUTSTANDING = 4;
    parameter ROUNDS = 40;
    localparam PARTS = (WIDTH + DATA - 1) / DATA;
    localparam FIELD = 12;
    localparam BEATS = 1024;

    reg clk, rst, start, send, accepts, answers;
    reg [FIELD-1:0] from, beats, runs;
    reg [WIDTH-1:0] word;
    wire room, busy, fault, wrong;
    wire [31:0] awaddr;
    wire [7:0] awlen;
    wire [2:0] awsize, awprot;
    wire [1:0] awburst, rresp, bresp;
    wire [3:0] awcache;
    wire awvalid, awready, arready, rlast, rvalid, wlast, wvalid, wready, bvalid, bready;
    wire [DATA-1:0] rdata, wdata;
    wire [DATA/8-1:0] wstrb;

    bw_engine_send #(.DATA(DATA), .BURST(BURST), .WIDTH(WIDTH), .FIELD(FIELD)) sender (
        .clk(clk), .rst(rst), .base(32'd0), .start(start), .from(from), .beats(beats), .runs(runs), .send(send),
        .word(word), .room(room), .busy(busy), .fault(fault), .m_axi_awaddr(awaddr), .m_axi_awlen(awlen),
        .m_axi_awsize(awsize), .m_axi_awburst(awburst), .m_axi_awcache(awcache), .m_axi_awprot(awprot),
        .m_axi_awvalid(awvalid), .m_axi_awready(awready), .m_axi_wdata(wdata), .m_axi_wstrb(wstrb),
        .m_axi_wlast(wlast), .m_axi_wvalid(wvalid), .m_axi_wready(wready), .m_axi_bresp(bresp),
        .m_axi_bvalid(bvalid), .m_axi_bready(bready)
    );
    bw_bench_memory #(.DATA(DATA), .BEATS(BEATS), .OUTSTANDING(OUTSTANDING), .LATENCY(5)) memory (
        .clk(clk), .rst(rst), .accepts(accepts), .answers(answers), .wrong(wrong), .araddr(32'd0), .arlen(8'd0),
        .arvalid(1'b0), .arready(arready), .rdata(rdata), .rresp(rresp), .rlast(rlast), .rvalid(rvalid), .rready(1'b1),
        .awaddr(awaddr), .awlen(awlen), .awvalid(awvalid), .awready(awready), .wdata(wdata), .wlast(wlast),
        .wvalid(wvalid), .wready(wready), .bresp(bresp), .bvalid(bvalid), .bready(bready)
    );

    reg [DATA-1:0] expected [0:BEATS-1];
    reg [PARTS*DATA-1:0] next;
    integer seed, rounds, i, j, words, row, patience;
    reg failed;

    initial begin
        clk = 1'b0;
        rst = 1'b1;
        start = 1'b0;
        send = 1'b0;
        accepts = 1'b1;
        answers = 1'b1;
        seed = 3;
        failed = 1'b0;
        for (i = 0; i < BEATS; i = i + 1) begin
            expected[i] = $random(seed);
            memory.memory[i] = expected[i];
        end
        repeat (3) tick;
        rst = 1'b0;
        for (rounds = 0; rounds < ROUNDS && !failed; rounds = rounds + 1) begin
            words = 1 + $unsigned($random(seed)) % 8;
            runs = 1 + $unsigned($random(seed)) % 3;
            from = $unsigned($random(seed)) % (BEATS / BURST - 40);
            beats = words * PARTS;
            start = 1'b1;
            tick;
            start = 1'b0;
            for (row = 0; row < runs; row = row + 1)
                for (i = 0; i < words; i = i + 1) begin
                    next = {$random(seed), $random(seed), $random(seed)};
                    next = next & {{(PARTS*DATA-WIDTH){1'b0}}, {WIDTH{1'b1}}};
                    for (j = 0; j < PARTS; j = j + 1)
                        expected[(from+row*((beats+BURST-1)/BURST))*BURST+i*PARTS+j] = next[j*DATA+:DATA];
                    give;
                end
            for (patience = 0; patience < 400 && busy; patience = patience + 1) tick;
            if (busy) fail("it stays busy");
            for (i = 0; i < BEATS; i = i + 1) if (memory.memory[i] !== expected[i]) fail("a wrong beat");
        end
        if (wrong || fault) fail("a burst that must not be");
        if (!failed) $display("PASS %0d transfers", rounds);
        $finish;
    end

    // As a memory does: the word is there a cycle behind `send`, and stays.
    task give;
        begin : waiting
            reg there;
            there = 1'b0;
            for (patience = 0; patience < 400 && !there; patience = patience + 1) begin
                send = 1'b0;
                accepts = $unsigned($random(seed)) % 4 != 0;
                #1 there = room;
                send = there;
                edge_of_clock;
            end
            send = 1'b0;
            word = next[WIDTH-1:0];
        end
    endtask

    task edge_of_clock;
        begin
            answers = $unsigned($random(seed)) % 4 != 0;
            #4 clk = 1'b1;
            #5 clk = 1'b0;
        end
    endtask

    task tick;
        begin
            accepts = $unsigned($random(seed)) % 4 != 0;
            edge_of_clock;
        end
    endtask

    task fail(input [8*40:1] what);
        begin
            if (!failed) $display("FAIL transfer %0d: %0s", rounds, what);
            failed = 1'b1;
        end
    endtask

endmodule

`default_nettype wire
