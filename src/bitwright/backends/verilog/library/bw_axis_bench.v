// Sends golden vectors as AXI4-Stream beats and checks every beat that comes back, in order, with its
// TLAST, while both ends pause at random (PAUSE of 8 cycles on average; 0 never pauses). Data that changes
// while it waits is an error. Prints "PASS n beats, m cycles", or the first difference.

`default_nettype none

module bw_axis_bench #(
    parameter IN_BITS = 8,
    parameter OUT_BITS = 8,
    parameter VECTORS = 1,
    parameter PAUSE = 3,
    parameter SEED = 1,
    parameter IN_FILE = "in.hex",
    parameter OUT_FILE = "out.hex"
) (
    output reg                 aclk,
    output reg                 aresetn,
    output reg  [IN_BITS-1:0]  s_tdata,
    output reg                 s_tvalid,
    input  wire                s_tready,
    output reg                 s_tlast,
    input  wire [OUT_BITS-1:0] m_tdata,
    input  wire                m_tvalid,
    output reg                 m_tready,
    input  wire                m_tlast
);

    reg [IN_BITS-1:0] given [0:VECTORS-1];
    reg [OUT_BITS-1:0] wanted [0:VECTORS-1];

    integer seed;
    integer sent;
    integer received;
    integer cycles;
    integer errors;
    reg sends;
    reg receives;
    reg waiting;
    reg [OUT_BITS-1:0] waiting_data;

    // A packet ends with every seventh beat and with the last one.
    function ends_packet(input integer beat);
        ends_packet = (beat % 7 == 6) || (beat == VECTORS - 1);
    endfunction

    initial begin
        $readmemh(IN_FILE, given);
        $readmemh(OUT_FILE, wanted);
        seed = SEED;
        sent = 0;
        received = 0;
        cycles = 0;
        errors = 0;
        waiting = 1'b0;
        waiting_data = {OUT_BITS{1'b0}};
        aclk = 1'b0;
        aresetn = 1'b0;
        s_tvalid = 1'b0;
        s_tdata = {IN_BITS{1'bx}};
        s_tlast = 1'bx;
        m_tready = 1'b0;
        repeat (3) begin
            #5 aclk = 1'b1;
            #5 aclk = 1'b0;
        end
        aresetn = 1'b1;

        while (received < VECTORS && errors == 0 && cycles < 100 * VECTORS + 1000) begin
            // A beat that was offered stays until it is taken.
            if (!s_tvalid && sent < VECTORS) s_tvalid = go(PAUSE);
            s_tdata = {IN_BITS{1'bx}};
            s_tlast = 1'bx;
            if (s_tvalid) begin
                s_tdata = given[sent];
                s_tlast = ends_packet(sent);
            end
            m_tready = go(PAUSE);
            #4;
            sends = s_tvalid & s_tready;
            receives = m_tvalid & m_tready;
            check;
            #1 aclk = 1'b1;
            #1;
            if (sends) begin
                sent = sent + 1;
                s_tvalid = 1'b0;
            end
            if (receives) received = received + 1;
            cycles = cycles + 1;
            #4 aclk = 1'b0;
        end

        if (errors == 0 && received == VECTORS) $display("PASS %0d beats, %0d cycles", received, cycles);
        else $display("FAIL after %0d beats sent and %0d received", sent, received);
        $finish;
    end

    function go(input integer pause);
        go = (pause == 0) || ($unsigned($random(seed)) % 8 >= pause);
    endfunction

    task check;
        begin
            if (m_tvalid !== 1'b0 && m_tvalid !== 1'b1) fail("m_tvalid is unknown");
            if (waiting && (!m_tvalid || m_tdata !== waiting_data)) fail("a beat changed while it waited");
            if (m_tvalid && m_tdata !== wanted[received]) fail("wrong data");
            if (m_tvalid && m_tlast !== ends_packet(received)) fail("wrong tlast");
            waiting = m_tvalid & ~m_tready;
            waiting_data = m_tdata;
        end
    endtask

    task fail(input [8*40:1] what);
        begin
            $display("FAIL beat %0d: %0s", received, what);
            $display("  data     %h", m_tdata);
            $display("  expected %h", wanted[received]);
            errors = errors + 1;
        end
    endtask

endmodule

`default_nettype wire
