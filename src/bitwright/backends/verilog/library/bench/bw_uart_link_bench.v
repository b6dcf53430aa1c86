// bw_uart_link (and bw_link, bw_link_requests, bw_link_replies, bw_uart_rx, bw_uart_tx, bw_crc16): a host that asks who
// is there, sends frames of two beats to a network that inverts them, spoils a request and says nothing in the middle.
//
// The host knows the reply to each request byte for byte; it fails at the first that differs.
//
//     $ iverilog -g2005 -s bw_uart_link_bench -o bench.vvp bw_uart_link_bench.v ../bw_*.v && vvp bench.vvp

`default_nettype none

module bw_uart_link_bench;

    parameter DIVISOR = 8;
    parameter LIMIT = 2000;

    reg clk, rst, to_link;
    wire from_link, aresetn, s_tvalid, s_tready, s_tlast, m_tready, busy;
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

    bw_uart_link #(
        .DIVISOR(DIVISOR), .IN_BYTES(2), .IN_BEATS(2), .OUT_BYTES(2), .OUT_BEATS(2),
        .IDENTITY(64'h0102030405060708), .LIMIT(LIMIT)
    ) link (
        .clk(clk), .rst(rst), .uart_rx(to_link), .uart_tx(from_link), .aresetn(aresetn), .busy(busy),
        .m_tvalid(s_tvalid), .m_tready(s_tready), .m_tdata(s_tdata), .m_tlast(s_tlast),
        .s_tvalid(m_tvalid), .s_tready(m_tready), .s_tdata(m_tdata)
    );

    // What comes back, byte by byte, by a receiver of its own.
    reg [7:0] got [0:255];
    integer count, place, bits;
    reg [7:0] byte_in;
    initial begin
        count = 0;
        wait (rst === 1'b0);
        forever begin
            wait (from_link === 1'b0);
            #(10 * DIVISOR * 3 / 2);
            for (bits = 0; bits < 8; bits = bits + 1) begin
                byte_in[bits] = from_link;
                #(10 * DIVISOR);
            end
            if (from_link !== 1'b1) fail("no stop bit");
            got[count] = byte_in;
            count = count + 1;
        end
    end

    reg failed;
    integer step, asked;
    initial begin
        clk = 1'b0;
        forever #5 clk = ~clk;
    end
    initial begin
        failed = 1'b0;
        to_link = 1'b1;
        rst = 1'b1;
        asked = 0;
        #200 rst = 1'b0;
        #400;
        // Who are you, as request 7.
        ask(56'hB7_01_07_00_00_77_E4, 7);
        answer(160'h7B_01_07_0D_00_01_08_07_06_05_04_03_02_01_04_00_04_00_2E_54, 20);
        // A frame of four bytes, and its inverse.
        ask(88'hB7_02_08_04_00_00_FF_12_34_F7_31, 11);
        answer(88'h7B_02_08_04_00_FF_00_ED_CB_6E_FE, 11);
        // The same with a bit that fell over.
        ask(88'hB7_02_09_04_00_00_FF_13_34_F7_31, 11);
        answer(64'h7B_EE_09_01_00_01_31_CE, 8);
        // A request that stops in the middle.
        ask(48'hB7_02_0A_04_00_AA, 6);
        #(10 * LIMIT);
        answer(64'h7B_EE_0A_01_00_05_EA_96, 8);
        if (!failed) $display("PASS %0d requests", asked);
        $finish;
    end

    // The low `size` bytes of `bytes`, the highest of them first.
    task ask(input [255:0] bytes, input integer size);
        integer k;
        begin
            count = 0;
            asked = asked + 1;
            for (k = size - 1; k >= 0; k = k - 1) send(bytes[8*k +: 8]);
        end
    endtask

    task send(input [7:0] data);
        integer k;
        begin
            to_link = 1'b0;
            #(10 * DIVISOR);
            for (k = 0; k < 8; k = k + 1) begin
                to_link = data[k];
                #(10 * DIVISOR);
            end
            to_link = 1'b1;
            #(10 * DIVISOR);
        end
    endtask

    task answer(input [255:0] bytes, input integer size);
        integer k;
        begin
            #(10 * DIVISOR * 10 * (size + 4));
            if (count != size) fail("another number of bytes");
            for (k = 0; k < size; k = k + 1) begin
                place = k;
                if (got[k] !== bytes[8*(size-1-k) +: 8]) fail("a wrong byte");
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
