# Stands for a vendor's tool: every command that Tcl does not know is printed, word by word, and answers nothing.
#   tclsh mock_tool.tcl <script> <words for it>
proc unknown {args} {
  puts $args
  return {}
}
set argv [lassign $argv script]
source $script
