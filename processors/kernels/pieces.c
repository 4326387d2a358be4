/* Twin of processors/write/pieces.py: many records of one form, each a row of pieces. */
#include "kernels.h"

enum { TEXT, EACH, CHOICE, WHOLE, DECIMAL, REAL, FLAG, MOST_DIGITS = 9, MOST_NUMBER = 32, AHEAD = 4 };

typedef struct {
    int kind, digits;
    const char *text; /* of all records, or in front of a number */
    Py_ssize_t length;
    PyObject *texts; /* a list: one of each record, or to choose from */
    Py_buffer values;
} Piece;

typedef struct {
    char *begin, *next, *end;
} Line;

static int line_has(const Line *line, Py_ssize_t length) { return line->end - line->next >= length; }

static void line_add(Line *line, const char *text, Py_ssize_t length) {
    memcpy(line->next, text, (size_t)length);
    line->next += length;
}

static void line_whole(Line *line, uint64_t value) {
    char digits[24];
    int at = sizeof digits;
    do
        digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    line_add(line, digits + at, (Py_ssize_t)sizeof digits - at);
}

/* The digits of a number below 1e-5, which is written with an exponent: rest / 10^digits. */
static void line_tiny(Line *line, uint64_t rest, int digits) {
    while (rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    char *first = line->next;
    line_whole(line, rest);
    Py_ssize_t count = line->next - first;
    if (count > 1) {
        memmove(first + 2, first + 1, (size_t)(count - 1));
        first[1] = '.';
        line->next++;
    }
    line_add(line, "e-", 2);
    line_whole(line, (uint64_t)(digits - (count - 1)));
}

static void line_fraction(Line *line, uint64_t rest, int digits) {
    char decimals[MOST_DIGITS];
    for (int i = digits - 1; i >= 0; i--, rest /= 10)
        decimals[i] = (char)('0' + rest % 10);
    while (digits > 1 && decimals[digits - 1] == '0')
        digits--;
    line_add(line, decimals, digits);
}

/* Add numpy's round(value, digits) in the shortest form; return 0 where that is not sure: too many digits. */
static int line_decimal(Line *line, double value, int digits) {
    static const double POWERS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    double scaled = rint(value * POWERS[digits]);
    if (!(fabs(scaled) < 1e15))
        return 0;
    if (signbit(scaled))
        *line->next++ = '-';
    uint64_t number = (uint64_t)fabs(scaled), unit = (uint64_t)POWERS[digits];
    uint64_t whole = number / unit, rest = number % unit;
    if (whole == 0 && rest && rest * 100000 < unit) {
        line_tiny(line, rest, digits);
        return 1;
    }
    line_whole(line, whole);
    *line->next++ = '.';
    line_fraction(line, rest, digits);
    return 1;
}

/* Add all digits of a number: few after the point by hand, others as Python's repr, which has the same digits where it
 * writes no exponent. Return 0 where it may, -1 with an exception. */
static int line_real(Line *line, double value) {
    static const double POWERS[] = {1e0, 1e1, 1e2, 1e3};
    int plain = fabs(value) < 1e12 && (fabs(value) >= 1e-3 || value == 0);
    for (int digits = 1; plain && digits <= 3; digits++)
        if (rint(value * POWERS[digits]) / POWERS[digits] == value)
            return line_decimal(line, value, digits);
    if (!(fabs(value) >= 1e-4 && fabs(value) < 1e15))
        return 0;
    char *text = PyOS_double_to_string(value, 'r', 0, Py_DTSF_ADD_DOT_0, NULL);
    if (text == NULL)
        return -1;
    line_add(line, text, (Py_ssize_t)strlen(text));
    PyMem_Free(text);
    return 1;
}

static int line_object(Line *line, PyObject *text) {
    char *bytes;
    Py_ssize_t length;
    if (text == NULL || PyBytes_AsStringAndSize(text, &bytes, &length) < 0)
        return -1;
    if (!line_has(line, length))
        return 0;
    line_add(line, bytes, length);
    return 1;
}

/* Add one piece of one record; return 1, 0 if the record is left to the twin, -1 with an exception. */
static int line_piece(Line *line, const Piece *piece, Py_ssize_t row) {
    if (piece->kind == EACH)
        return line_object(line, PyList_GetItem(piece->texts, row));
    if (piece->kind == CHOICE)
        return line_object(line, PyList_GetItem(piece->texts, (Py_ssize_t)((const int64_t *)piece->values.buf)[row]));
    if (!line_has(line, piece->length + MOST_NUMBER))
        return 0;
    if (piece->kind == TEXT || (piece->kind == FLAG && ((const char *)piece->values.buf)[row])) {
        line_add(line, piece->text, piece->length);
    } else if (piece->kind == WHOLE) {
        int64_t value = ((const int64_t *)piece->values.buf)[row];
        if (value >= 0) {
            line_add(line, piece->text, piece->length);
            line_whole(line, (uint64_t)value);
        }
    } else if (piece->kind == DECIMAL || piece->kind == REAL) {
        double value = ((const double *)piece->values.buf)[row];
        if (value == value) { /* not NaN */
            line_add(line, piece->text, piece->length);
            return piece->kind == REAL ? line_real(line, value) : line_decimal(line, value, piece->digits);
        }
    }
    return 1;
}

static int take_values(Piece *piece, PyObject *values, Py_ssize_t size) {
    static const char TYPES[] = {[CHOICE] = 'q', [WHOLE] = 'q', [DECIMAL] = 'd', [REAL] = 'd', [FLAG] = '?'};
    return array_take(&piece->values, values, TYPES[piece->kind], size);
}

/* Read (kind, text or texts, values, digits). */
static int take_piece(Piece *piece, PyObject *tuple, Py_ssize_t size) {
    PyObject *text, *values;
    piece->values.obj = NULL;
    if (tuple == NULL || !PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "a piece is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(tuple, "iOOi", &piece->kind, &text, &values, &piece->digits))
        return -1;
    int digits = piece->kind == DECIMAL ? piece->digits : 1;
    if (piece->kind < TEXT || piece->kind > FLAG || digits < 1 || digits > MOST_DIGITS) {
        PyErr_SetString(PyExc_ValueError, "there is no such piece");
        return -1;
    }
    piece->texts = text;
    piece->text = NULL;
    if (piece->kind == EACH || piece->kind == CHOICE) {
        if (!PyList_Check(text) || (piece->kind == EACH && PyList_Size(text) != size)) {
            PyErr_SetString(PyExc_ValueError, "a list of texts is expected, one for each record");
            return -1;
        }
    } else {
        char *bytes;
        if (PyBytes_AsStringAndSize(text, &bytes, &piece->length) < 0)
            return -1;
        piece->text = bytes;
    }
    return piece->kind == TEXT || piece->kind == EACH ? 0 : take_values(piece, values, size);
}

/* Return a record as bytes; None if it is left to the twin. */
static PyObject *join_row(Line *line, const Piece *pieces, Py_ssize_t count, Py_ssize_t row) {
    line->next = line->begin;
    for (Py_ssize_t i = 0; i < count; i++) {
        int added = line_piece(line, &pieces[i], row);
        if (added < 0)
            return NULL;
        if (added == 0)
            return Py_NewRef(Py_None);
    }
    return PyBytes_FromStringAndSize(line->begin, line->next - line->begin);
}

/* Load the texts to choose from of a record that comes soon. */
static void prefetch(const Piece *pieces, Py_ssize_t count, Py_ssize_t row) {
    for (Py_ssize_t i = 0; i < count; i++)
        if (pieces[i].kind == CHOICE) {
            Py_ssize_t place = (Py_ssize_t)((const int64_t *)pieces[i].values.buf)[row];
            const char *text = (const char *)PyList_GetItem(pieces[i].texts, place);
            PyErr_Clear(); /* a place that is not there is found when the record is joined */
            if (text != NULL) {
                __builtin_prefetch(text);
                __builtin_prefetch(text + 64);
            }
        }
}

static int join_rows(PyObject *rows, const Piece *pieces, Py_ssize_t count, Py_ssize_t size) {
    char bytes[16384];
    Line line = {bytes, bytes, bytes + sizeof bytes};
    for (Py_ssize_t row = 0; row < size; row++) {
        if (row + AHEAD < size)
            prefetch(pieces, count, row + AHEAD);
        PyObject *text = join_row(&line, pieces, count, row);
        if (text == NULL || PyList_SetItem(rows, row, text) < 0) /* it takes the reference */
            return -1;
    }
    return 0;
}

/* join_pieces(pieces, size) -> list of records; None for one that is too long, or has a number with too many digits. */
PyObject *join_pieces(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *list, *rows = NULL;
    Py_ssize_t size, taken = 0;
    if (!PyArg_ParseTuple(args, "O!n", &PyList_Type, &list, &size))
        return NULL;
    Py_ssize_t count = PyList_Size(list);
    if (size < 0)
        return PyErr_Format(PyExc_ValueError, "%zd records", size);
    Piece *pieces = PyMem_Calloc((size_t)count + 1, sizeof *pieces);
    if (pieces == NULL)
        return PyErr_NoMemory();
    while (taken < count && take_piece(&pieces[taken], PyList_GetItem(list, taken), size) == 0)
        taken++;
    if (taken == count && (rows = PyList_New(size)) != NULL && join_rows(rows, pieces, count, size) < 0) {
        Py_DecRef(rows);
        rows = NULL;
    }
    for (Py_ssize_t i = 0; i < taken; i++)
        if (pieces[i].values.obj != NULL)
            PyBuffer_Release(&pieces[i].values);
    PyMem_Free(pieces);
    return rows;
}
