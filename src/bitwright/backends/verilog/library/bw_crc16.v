// CRC-16/CCITT-FALSE (polynomial x^16 + x^12 + x^5 + 1, begun with 0xFFFF), a byte at once: the eight steps of the shift
// register written out. A message followed by its own CRC, high byte first, ends in zero.

`default_nettype none

module bw_crc16 (
    input  wire [15:0] crc,
    input  wire [7:0]  data,
    output wire [15:0] next
);

    wire [7:0] first = crc[15:8] ^ data;
    wire [7:0] both = first ^ {4'd0, first[7:4]};

    assign next = {crc[7:0], 8'd0} ^ {both[3:0], 12'd0} ^ {3'd0, both, 5'd0} ^ {8'd0, both};

endmodule

`default_nettype wire
