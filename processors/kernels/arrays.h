/* The arrays that a kernel works on: taken from numpy, checked, and let go. */
#ifndef FLEETLEAK_ARRAYS_H
#define FLEETLEAK_ARRAYS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

enum { MOST_ARRAYS = 64 };

typedef struct {
    Py_buffer views[MOST_ARRAYS];
    int count;
} Arrays;

/* Take the contiguous arrays of a tuple. `types` has one letter of the struct module for each (d f q i h b H B ?), and
 * a `>` before the arrays that are written to. `at` gets where each array begins.
 * Return 0, or -1 with an exception if an array is of another type. */
int arrays_take(Arrays *arrays, PyObject *tuple, const char *types, void **at);

/* Take one contiguous array of `items` items; return 0, or -1 with an exception. */
int array_take(Py_buffer *view, PyObject *array, char type, Py_ssize_t items);

/* Return the number of items of an array. */
Py_ssize_t arrays_items(const Arrays *arrays, int index);

void arrays_release(Arrays *arrays);

/* Return 0, or -1 with an exception if a row lies outside `capacity`. */
int rows_check(const int64_t *rows, Py_ssize_t count, Py_ssize_t capacity);

#endif
