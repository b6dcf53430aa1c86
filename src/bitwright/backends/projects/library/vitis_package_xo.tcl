# Packs the kernel of Vitis: <kernel>.xo beside this file.
#   vivado -mode batch -source package_xo.tcl
source [file join [file dirname [file normalize [info script]]] arguments.tcl]
arguments {}

set ip [file join $here ip]
file delete -force $ip
create_project -in_memory -part $part
foreach source [concat $sources($top) $own] { add_files -norecurse [file join $root $source] }
foreach image $images($top) { add_files -norecurse [file join $root $image] }
set_property top $kernel [current_fileset]
update_compile_order -fileset sources_1

ipx::package_project -root_dir $ip -vendor bitwright -library networks -taxonomy /KernelIP -import_files \
  -set_current true
set core [ipx::current_core]
set_property name $kernel $core
set_property version 1.0 $core
set_property sdx_kernel true $core
set_property sdx_kernel_type rtl $core
foreach bus $buses($top) { ipx::associate_bus_interfaces -busif $bus -clock ap_clk $core }
ipx::associate_bus_interfaces -clock ap_clk -reset ap_rst_n $core
set_property xpm_libraries {} $core
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::check_integrity -kernel $core
ipx::save_core $core
package_xo -force -xo_path [file join $here $kernel.xo] -kernel_name $kernel -ip_directory $ip \
  -kernel_xml [file join $here kernel.xml] -ctrl_protocol $protocol
close_project
