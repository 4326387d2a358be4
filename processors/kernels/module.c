/* The Python module of the kernels. Every kernel has one line here, and one in kernels.h, which names its file. */
#include "kernels.h"

static PyMethodDef METHODS[] = {
    {"calibration", calibration, METH_VARARGS, NULL},
    {"ew_stats", ew_stats, METH_VARARGS, NULL},
    {"evidence", evidence, METH_VARARGS, NULL},
    {"half_space_trees", half_space_trees, METH_VARARGS, NULL},
    {"half_space_trees_decode", half_space_trees_decode, METH_VARARGS, NULL},
    {"half_space_trees_encode", half_space_trees_encode, METH_VARARGS, NULL},
    {"half_space_trees_tables", half_space_trees_tables, METH_VARARGS, NULL},
    {"join_pieces", join_pieces, METH_VARARGS, NULL},
    {"page_hinkley", page_hinkley, METH_VARARGS, NULL},
    {"read_snapshots", read_snapshots, METH_VARARGS, NULL},
    {"snapshot_texts", snapshot_texts, METH_VARARGS, NULL},
    {"snarimax", snarimax, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef MODULE = {
    .m_base = PyModuleDef_HEAD_INIT, .m_name = "_compiled", .m_size = -1, .m_methods = METHODS};

PyMODINIT_FUNC PyInit__compiled(void) { return PyModule_Create(&MODULE); }
