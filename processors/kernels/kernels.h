/* Every kernel, by the file that has it. */
#ifndef FLEETLEAK_KERNELS_H
#define FLEETLEAK_KERNELS_H

#include "arrays.h"

PyObject *join_pieces(PyObject *module, PyObject *args);  /* pieces.c */
PyObject *page_hinkley(PyObject *module, PyObject *args); /* page_hinkley.c */
PyObject *read_snapshots(PyObject *module, PyObject *args); /* snapshots.c */
PyObject *snapshot_texts(PyObject *module, PyObject *args); /* snapshots.c */

#endif
