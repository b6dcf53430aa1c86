// bw_spi_link (and bw_link, bw_link_requests, bw_link_replies, bw_spi, bw_crc16): a master that asks who is there, sends
// frames of two beats to a network that inverts them, and spoils a request.
//
// The master knows the reply to each request byte for byte, with the bytes that stand for none left out; it fails at the
// first that differs.
//
//     $ iverilog -g2005 -s bw_spi_link_bench -o bench.vvp bw_spi_link_bench.v ../bw_*.v && vvp bench.vvp

`default_nettype none

module bw_spi_link_bench;

    parameter HALF = 5;
    parameter LIMIT = 2000;

    reg clk, rst, sclk, cs_n, mosi;
    wire miso, aresetn, s_tvalid, s_tready, s_tlast, m_tready, busy;
    wire [15:0] s_tdata;
    reg m_tvalid;
    reg [15:0] m_tdata;

    // The network: one register that inverts.
    assign s_tready = ~m_tvalid | m_tready;
    always @(posedge clk) begin
        if (~aresetn) m_tvalid <= 1'b0;
        else if (s_tready) m_tvalid <= s_tvalid;
        if (s_tready) m_tdata <= ~s_tdata;
    end

    bw_spi_link #(
        .IN_BYTES(2), .IN_BEATS(2), .OUT_BYTES(2), .OUT_BEATS(2), .IDENTITY(64'h0102030405060708), .LIMIT(LIMIT)
    ) link (
        .clk(clk), .rst(rst), .spi_sclk(sclk), .spi_cs_n(cs_n), .spi_mosi(mosi), .spi_miso(miso),
        .aresetn(aresetn), .busy(busy),
        .m_tvalid(s_tvalid), .m_tready(s_tready), .m_tdata(s_tdata), .m_tlast(s_tlast),
        .s_tvalid(m_tvalid), .s_tready(m_tready), .s_tdata(m_tdata)
    );

    reg failed;
    integer asked, place, count;
    initial begin
        clk = 1'b0;
        forever #5 clk = ~clk;
    end
    initial begin
        failed = 1'b0;
        sclk = 1'b0;
        cs_n = 1'b1;
        mosi = 1'b0;
        rst = 1'b1;
        asked = 0;
        #200 rst = 1'b0;
        #400;
        // Who are you, as request 7.
        ask(56'hB7_01_07_00_00_77_E4, 7);
        answer(160'h7B_01_07_0D_00_01_08_07_06_05_04_03_02_01_04_00_04_00_2E_54, 20);
        // A frame of four bytes, and its inverse, of which A5 and 5A are sent in two.
        ask(88'hB7_02_08_04_00_5A_FF_A5_34_6D_3B, 11);
        answer(88'h7B_02_08_04_00_A5_00_5A_CB_F4_F4, 11);
        // The same with a bit that fell over.
        ask(88'hB7_02_09_04_00_5A_FF_A5_35_6D_3B, 11);
        answer(64'h7B_EE_09_01_00_01_31_CE, 8);
        if (!failed) $display("PASS %0d requests", asked);
        $finish;
    end

    // The low `size` bytes of `bytes`, the highest of them first, under one select.
    task ask(input [255:0] bytes, input integer size);
        integer k;
        reg [7:0] unread;
        begin
            asked = asked + 1;
            select(1'b0);
            for (k = size - 1; k >= 0; k = k - 1) exchange(bytes[8*k +: 8], unread);
            select(1'b1);
        end
    endtask

    task answer(input [255:0] bytes, input integer size);
        integer tries;
        reg [7:0] found;
        reg marked;
        begin
            count = 0;
            marked = 1'b0;
            select(1'b0);
            for (tries = 0; tries < 4 * size; tries = tries + 1) begin
                exchange(8'h00, found);
                if (found == 8'h5A && !marked) begin
                    marked = 1'b1;
                end else if (found != 8'hA5) begin
                    place = count;
                    if (marked) found = found ^ 8'h80;
                    marked = 1'b0;
                    if (count < size && found !== bytes[8*(size-1-count) +: 8]) fail("a wrong byte");
                    count = count + 1;
                end
            end
            select(1'b1);
            if (count != size) fail("another number of bytes");
        end
    endtask

    task select(input level);
        begin
            #(10 * HALF) cs_n = level;
            #(10 * HALF);
        end
    endtask

    task exchange(input [7:0] given, output [7:0] taken);
        integer k;
        begin
            for (k = 7; k >= 0; k = k - 1) begin
                mosi = given[k];
                #(10 * HALF) sclk = 1'b1;
                taken[k] = miso;
                #(10 * HALF) sclk = 1'b0;
            end
        end
    endtask

    task fail(input [8*40:1] what);
        begin
            if (!failed) $display("FAIL request %0d, byte %0d of %0d: %0s", asked, place, count, what);
            failed = 1'b1;
        end
    endtask

endmodule

`default_nettype wire
