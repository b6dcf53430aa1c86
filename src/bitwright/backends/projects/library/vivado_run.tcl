# Vivado without a project: synthesis out of context and, if asked for, placement and routing.
#   vivado -mode batch -source run.tcl
#   vivado -mode batch -source run.tcl -tclargs route
#   vivado -mode batch -source run.tcl -tclargs top <module> part <part> route
# Reports go to a folder with the module's name beside this file, where `design.read_vivado` finds them.
source [file join [file dirname [file normalize [info script]]] arguments.tcl]
arguments {route}

set out [file join $here $top]
file mkdir $out
cd $out

copy_images $out
foreach source $sources($top) { read_verilog [file join $root $source] }
read_xdc -mode out_of_context [file join $root constraints $top.xdc]

proc reports {stage} {
  report_utilization -file ${stage}_utilization.rpt
  report_utilization -hierarchical -file ${stage}_hierarchy.rpt
  report_timing_summary -delay_type max -max_paths 10 -file ${stage}_timing.rpt
  write_checkpoint -force $stage.dcp
}

synth_design -top $top -part $part -mode out_of_context -flatten_hierarchy rebuilt
reports synth
if {$route} {
  opt_design
  place_design
  phys_opt_design
  route_design
  reports routed
}
