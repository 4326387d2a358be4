#include "arrays.h"

/* numpy names the types of eight bytes by the C type: l or q. */
static int same_type(char wanted, const char *given) {
    if (given[0] == '<' || given[0] == '=' || given[0] == '@')
        given++;
    if (given[1] != '\0')
        return 0;
    return given[0] == wanted || (sizeof(long) == 8 && wanted == 'q' && given[0] == 'l');
}

int array_take(Py_buffer *view, PyObject *array, char type, Py_ssize_t items) {
    if (PyObject_GetBuffer(array, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) < 0)
        return -1;
    Py_ssize_t given = view->len / view->itemsize;
    if (same_type(type, view->format) && given == items)
        return 0;
    if (given != items)
        PyErr_Format(PyExc_ValueError, "an array of %zd items; %zd are expected", given, items);
    else
        PyErr_Format(PyExc_TypeError, "an array of type %s; %c is expected", view->format, type);
    PyBuffer_Release(view);
    return -1;
}

int arrays_take(Arrays *arrays, PyObject *tuple, const char *types, void **at) {
    int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT;
    arrays->count = 0;
    for (const char *type = types; *type; type++) {
        if (*type == '>') {
            flags |= PyBUF_WRITABLE;
            continue;
        }
        PyObject *array = PyTuple_GetItem(tuple, arrays->count); /* borrowed; an exception if there are too few */
        Py_buffer *view = &arrays->views[arrays->count];
        if (array == NULL || PyObject_GetBuffer(array, view, flags) < 0) {
            arrays_release(arrays);
            return -1;
        }
        at[arrays->count++] = view->buf;
        if (!same_type(*type, view->format)) {
            const char *text = "array %d is of type %s; %c is expected";
            PyErr_Format(PyExc_TypeError, text, arrays->count - 1, view->format, *type);
            arrays_release(arrays);
            return -1;
        }
    }
    return 0;
}

Py_ssize_t arrays_items(const Arrays *arrays, int index) {
    return arrays->views[index].len / arrays->views[index].itemsize;
}

void arrays_release(Arrays *arrays) {
    while (arrays->count > 0)
        PyBuffer_Release(&arrays->views[--arrays->count]);
}

int rows_check(const int64_t *rows, Py_ssize_t count, Py_ssize_t capacity) {
    for (Py_ssize_t i = 0; i < count; i++)
        if (rows[i] < 0 || rows[i] >= capacity) {
            PyErr_Format(PyExc_IndexError, "row %lld of %zd rows", (long long)rows[i], capacity);
            return -1;
        }
    return 0;
}
