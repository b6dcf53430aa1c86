// Adds the placing of sums on carry chains to the Python module.
#pragma once

#include <nanobind/nanobind.h>

void bind_chain(nanobind::module_& module);
