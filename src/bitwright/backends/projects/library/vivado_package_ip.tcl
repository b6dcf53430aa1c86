# Makes IP for Vivado's catalog of a module, in the folder ip/<module> beside this file.
#   vivado -mode batch -source package_ip.tcl
#   vivado -mode batch -source package_ip.tcl -tclargs top <module>
source [file join [file dirname [file normalize [info script]]] arguments.tcl]
arguments {}
set ip [file join $here ip $top]
file delete -force $ip
file mkdir $ip

create_project -in_memory -part $part
foreach source $sources($top) { add_files -norecurse [file join $root $source] }
foreach image $images($top) { add_files -norecurse [file join $root $image] }
add_files -fileset constrs_1 -norecurse [file join $root constraints $top.xdc]
set_property used_in {synthesis implementation out_of_context} [get_files [file join $root constraints $top.xdc]]
set_property top $top [current_fileset]
update_compile_order -fileset sources_1

ipx::package_project -root_dir $ip -vendor bitwright -library networks -taxonomy /UserIP -import_files -set_current true
set core [ipx::current_core]
set_property name $top $core
set_property version 1.0 $core
set_property display_name $top $core
set_property description "The network $name, written by bitwright" $core
foreach bus $buses($top) { ipx::associate_bus_interfaces -busif $bus -clock $clock($top) $core }
if {$reset($top) ne ""} { ipx::associate_bus_interfaces -clock $clock($top) -reset $reset($top) $core }
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
close_project
