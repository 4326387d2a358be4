/* Every kernel, by the file that has it. */
#ifndef FLEETLEAK_KERNELS_H
#define FLEETLEAK_KERNELS_H

#include "arrays.h"

PyObject *page_hinkley(PyObject *module, PyObject *args); /* page_hinkley.c */

#endif
