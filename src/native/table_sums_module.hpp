// The Python face of table_sums.hpp.

#pragma once

#include <nanobind/nanobind.h>

void bind_table_sums(nanobind::module_& module);
