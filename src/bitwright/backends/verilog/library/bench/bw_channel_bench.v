// bw_channel, bw_source, bw_sink, bw_delay (and bw_count, bw_memory): words through a pipeline and a buffer, in order.
//
// Numbered words come and go at random; at each stage the bench knows which it must be. It fails at a wrong word, a
// wrong TLAST, a word that comes back although more than DEPTH had been started, or when nothing moves.
//
//     $ iverilog -g2005 -s bw_channel_bench -o bench.vvp bw_channel_bench.v ../bw_*.v && vvp bench.vvp

`default_nettype none

module bw_channel_bench;

    parameter WIDTH = 16;
    parameter DEPTH = 5;
    parameter BLOCK = 0;
    parameter LATENCY = 2;
    parameter FRAME = 7;

    reg clk, rst, s_tvalid, m_tready;
    reg [WIDTH-1:0] sent, received;
    wire s_tready, ready, take, push, late, valid, pop, m_tvalid, m_tlast;
    wire [WIDTH-1:0] data, delayed, head, m_tdata;

    bw_source #(.WIDTH(WIDTH)) source (
        .clk(clk), .rst(rst), .s_tvalid(s_tvalid), .s_tready(s_tready), .s_tdata(sent),
        .ready(ready), .take(take), .push(push), .data(data)
    );
    bw_valid #(.LATENCY(LATENCY)) flag (.clk(clk), .rst(rst), .in_valid(push), .out_valid(late));
    bw_delay #(.WIDTH(WIDTH), .CYCLES(LATENCY)) delay (.clk(clk), .data(data), .late(delayed));
    bw_channel #(.WIDTH(WIDTH), .DEPTH(DEPTH), .BLOCK(BLOCK)) channel (
        .clk(clk), .rst(rst), .ready(ready), .take(take), .push(late), .data(delayed),
        .valid(valid), .head(head), .pop(pop)
    );
    bw_sink #(.WIDTH(WIDTH), .WORDS(FRAME)) sink (
        .clk(clk), .rst(rst), .valid(valid), .head(head), .pop(pop),
        .m_tvalid(m_tvalid), .m_tready(m_tready), .m_tdata(m_tdata), .m_tlast(m_tlast)
    );

    integer seed, cycles;
    reg failed, entered, left;
    initial begin
        clk = 1'b0;
        rst = 1'b1;
        s_tvalid = 1'b0;
        m_tready = 1'b0;
        sent = 0;
        received = 0;
        seed = 1;
        failed = 1'b0;
        repeat (LATENCY + 2) begin
            #5 clk = 1'b1;
            #5 clk = 1'b0;
        end
        rst = 1'b0;
        for (cycles = 0; cycles < 10000 && received < 500 && !failed; cycles = cycles + 1) begin
            // By turns the source and the sink are the slower, so that the buffer runs full and empty.
            s_tvalid = $unsigned($random(seed)) % 8 < (cycles[6] ? 2 : 7);
            m_tready = $unsigned($random(seed)) % 8 < (cycles[6] ? 7 : 2);
            #4 entered = s_tvalid & s_tready;
            left = m_tvalid & m_tready;
            if (left && m_tdata !== received) fail("wrong word");
            if (left && m_tlast !== (received % FRAME == FRAME - 1)) fail("wrong tlast");
            if (entered && sent - received >= DEPTH) fail("more words than places");
            if (m_tvalid === 1'b1 && received == sent) fail("a word that was never sent");
            #1 clk = 1'b1;
            #1 sent = sent + entered;
            received = received + left;
            #4 clk = 1'b0;
        end
        if (!failed && received == 500) $display("PASS %0d words, %0d cycles", received, cycles);
        else if (!failed) $display("FAIL nothing moves");
        $finish;
    end

    task fail(input [8*40:1] what);
        begin
            $display("FAIL word %0d, cycle %0d: %0s", received, cycles, what);
            failed = 1'b1;
        end
    endtask

endmodule

`default_nettype wire
