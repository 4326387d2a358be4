/* Every kernel, by the file that has it. */
#ifndef FLEETLEAK_KERNELS_H
#define FLEETLEAK_KERNELS_H

#include "arrays.h"

PyObject *calibration(PyObject *module, PyObject *args);      /* calibration.c */
PyObject *ew_stats(PyObject *module, PyObject *args);         /* ew_stats.c */
PyObject *evidence(PyObject *module, PyObject *args);         /* evidence.c */
PyObject *half_space_trees(PyObject *module, PyObject *args); /* half_space_trees.c */
PyObject *half_space_trees_decode(PyObject *module, PyObject *args); /* half_space_trees_counts.c */
PyObject *half_space_trees_encode(PyObject *module, PyObject *args); /* half_space_trees_counts.c */
PyObject *half_space_trees_tables(PyObject *module, PyObject *args); /* half_space_trees_tables.c */
PyObject *join_pieces(PyObject *module, PyObject *args);  /* pieces.c */
PyObject *page_hinkley(PyObject *module, PyObject *args); /* page_hinkley.c */
PyObject *read_snapshots(PyObject *module, PyObject *args); /* snapshots.c */
PyObject *snapshot_texts(PyObject *module, PyObject *args); /* snapshots.c */
PyObject *snarimax(PyObject *module, PyObject *args);         /* snarimax.c */

#endif
