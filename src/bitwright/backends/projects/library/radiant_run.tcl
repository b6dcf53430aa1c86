# Lattice Radiant: makes the project of a module and, if asked for, builds it.
#   radiantc run.tcl
#   radiantc run.tcl top <module> build
source [file join [file dirname [file normalize [info script]]] arguments.tcl]
arguments {build}

file delete -force [file join $here $top]
file mkdir [file join $here $top]
cd [file join $here $top]
prj_create -name $top -impl impl_1 -dev $part -synthesis lse
foreach source $sources($top) { prj_add_source [file join $root $source] }
prj_add_source [file join $root constraints $top.sdc]
copy_images .
prj_set_impl_opt -impl impl_1 top $top
prj_set_impl_opt -impl impl_1 {include path} [file join $root rtl]
prj_save
if {$build} {
  foreach step {Synthesis Map PAR} { prj_run $step -impl impl_1 }
}
prj_close
