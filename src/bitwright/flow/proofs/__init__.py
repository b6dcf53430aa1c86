"""`prove`: neurons of the written Verilog equal to the graph for every input; by parts, then whole."""
