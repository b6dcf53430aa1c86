"""The three levels of one meaning: graph, dataflow (later), netlist; and what they share."""
