// Adds the sum graph to the Python module.
#pragma once

#include <nanobind/nanobind.h>

void bind_sum_graph(nanobind::module_& module);
