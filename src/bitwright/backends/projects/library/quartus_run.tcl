# Quartus Prime: makes the project of a module and, if asked for, compiles it.
#   quartus_sh -t run.tcl
#   quartus_sh -t run.tcl compile
#   quartus_sh -t run.tcl top <module> compile
# All pins but the clock are virtual: a network has more of them than a package. Take them back in your own top.
source [file join [file dirname [file normalize [info script]]] arguments.tcl]
arguments {compile}

load_package flow
file mkdir [file join $here $top]
cd [file join $here $top]
project_new $top -overwrite
set_global_assignment -name FAMILY $family
set_global_assignment -name DEVICE $part
set_global_assignment -name TOP_LEVEL_ENTITY $top
set_global_assignment -name NUM_PARALLEL_PROCESSORS ALL
foreach source $sources($top) { set_global_assignment -name VERILOG_FILE [file join $root $source] }
set_global_assignment -name SDC_FILE [file join $root constraints $top.sdc]
copy_images .
set_global_assignment -name SEARCH_PATH [file join $root rtl]
set_instance_assignment -name VIRTUAL_PIN ON -to *
set_instance_assignment -name VIRTUAL_PIN OFF -to $clock($top)
export_assignments
if {$compile} { execute_flow -compile }
project_close
