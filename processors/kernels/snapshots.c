/* Twin of processors/decode/decoder.py: snapshots to columns.
 *
 * It takes only what it is sure of, which is what our own agent writes: one object without white space, texts without
 * escapes, no null, no unknown or repeated name. Everything else is left to the twin, record by record. Texts are not
 * checked here: a record is taken only if the bytes of all its texts are known, and they are known only if the twin read
 * them before. */
#include "kernels.h"

enum { TEXT, WHOLE, REAL, MOST_FIELDS = 64, MOST_FORM = 4096, NOT_SURE = -2, NOT_KNOWN = -1 };

/* An item of KERNEL_FIELDS in processors/decode/row.py. */
typedef struct {
    char name[24];
    int32_t length, kind, column, service;
    double most;
} Field;

typedef struct {
    const Field *fields;
    int count;
    const char *tag; /* what every snapshot begins with */
    Py_ssize_t tag_length;
} Form;

typedef struct {
    double *reals;
    int64_t *wholes;
    Py_ssize_t step; /* from one column to the next */
} Columns;

typedef struct {
    char bytes[MOST_FORM]; /* the partition, then names and texts as they were written */
    Py_ssize_t length;
} Texts;

static int texts_add(Texts *texts, const char *from, Py_ssize_t length) {
    if (texts->length + length > MOST_FORM)
        return 0;
    memcpy(texts->bytes + texts->length, from, length);
    texts->length += length;
    return 1;
}

/* Return what is behind the closing quote of a text without escapes; NULL if there is none. */
static const char *skip_text(const char *at, const char *end) {
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        at++;
    return at < end && *at == '"' ? at + 1 : NULL;
}

/* The same of an object of texts, from behind its opening brace. */
static const char *skip_labels(const char *at, const char *end) {
    if (at < end && *at == '}')
        return at + 1;
    while (at < end && *at == '"') {
        at = skip_text(at + 1, end);
        if (at == NULL || end - at < 3 || at[0] != ':' || at[1] != '"')
            return NULL;
        at = skip_text(at + 2, end);
        if (at == NULL || at >= end)
            return NULL;
        if (*at == '}')
            return at + 1;
        if (*at++ != ',')
            return NULL;
    }
    return NULL;
}

/* Read digits; NULL if there are none, if there are too many to be exact, or for a leading zero. */
static const char *read_digits(const char *at, const char *end, uint64_t *value) {
    const char *begin = at;
    while (at < end && *at >= '0' && *at <= '9' && at - begin < 19)
        *value = *value * 10 + (uint64_t)(*at++ - '0');
    if (at == begin || at - begin > 18 || (*begin == '0' && at - begin > 1))
        return NULL;
    return at;
}

static const char *skip_digits(const char *at, const char *end) {
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

static const char *read_whole(const char *at, const char *end, double most, int64_t *value) {
    uint64_t read = 0;
    at = read_digits(at, end, &read);
    if (at == NULL || (double)read > most)
        return NULL;
    *value = (int64_t)read;
    return at;
}

/* A number by Python's own conversion, which rounds correctly. */
static const char *convert_real(const char *begin, const char *end, double *value) {
    char *after;
    *value = PyOS_string_to_double(begin, &after, NULL);
    if (PyErr_Occurred()) {
        PyErr_Clear();
        return NULL;
    }
    return after == end ? after : NULL;
}

static const char *read_real(const char *at, const char *end, double most, double *value) {
    static const double POWERS[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    const char *begin = at;
    uint64_t digits = 0;
    at = read_digits(at, end, &digits);
    if (at == NULL)
        return NULL;
    Py_ssize_t decimals = 0;
    if (at < end && *at == '.') {
        const char *after = skip_digits(at + 1, end);
        decimals = after - (at + 1);
        if (decimals == 0 || decimals > 17)
            return NULL;
        if (at - begin + decimals <= 15)
            for (const char *digit = at + 1; digit < after; digit++)
                digits = digits * 10 + (uint64_t)(*digit - '0');
        else
            digits = UINT64_MAX;
        at = after;
    }
    if (at < end && (*at == 'e' || *at == 'E'))
        return NULL;
    /* Both are exact, so the quotient is rounded once (Clinger, How to read floating point numbers accurately, 1990). */
    if (digits <= (1ull << 53))
        *value = (double)digits / POWERS[decimals];
    else if (convert_real(begin, at, value) == NULL)
        return NULL;
    return *value <= most ? at : NULL;
}

static int is_named(const Field *field, const char *at, const char *end) {
    return end - at > field->length + 1 && at[field->length] == '"' && !memcmp(at, field->name, (size_t)field->length);
}

/* Return the field of this name; the one after the field before is looked at first, because agents keep one order. */
static const Field *find_field(const Form *form, int guess, const char *at, const char *end) {
    for (int i = guess; i < form->count; i++)
        if (is_named(&form->fields[i], at, end))
            return &form->fields[i];
    for (int i = 0; i < guess && i < form->count; i++)
        if (is_named(&form->fields[i], at, end))
            return &form->fields[i];
    return NULL;
}

static const char *read_text(const Field *field, const char *name, const char *at, const char *end, const char *key,
                             Py_ssize_t key_length, Texts *texts) {
    const char *begin = at + 1;
    if (at < end && *at == '{')
        at = skip_labels(begin, end);
    else if (at < end && *at == '"')
        at = skip_text(begin, end);
    else
        return NULL;
    if (at == NULL || !texts_add(texts, name, at - name))
        return NULL;
    if (field->service && (at - 1 - begin != key_length || memcmp(begin, key, (size_t)key_length)))
        return NULL;
    return at;
}

static const char *read_field(const Field *field, const char *name, const char *at, const char *end, const char *key,
                              Py_ssize_t key_length, Columns columns, Texts *texts) {
    if (field->kind == TEXT)
        return read_text(field, name, at, end, key, key_length, texts);
    double real;
    int64_t whole;
    if (field->kind == WHOLE) {
        at = read_whole(at, end, field->most, &whole);
        if (at != NULL && field->column >= 0)
            columns.wholes[field->column * columns.step] = whole;
    } else {
        at = read_real(at, end, field->most, &real);
        if (at != NULL && field->column >= 0)
            columns.reals[field->column * columns.step] = real;
    }
    return at;
}

/* Read one record; return whether all of it is understood, and no field comes twice. */
static int read_snapshot(const Form *form, PyObject *value, PyObject *key, Columns columns, Texts *texts) {
    char *at, *key_bytes;
    Py_ssize_t length, key_length;
    if (!PyBytes_Check(value) || !PyBytes_Check(key))
        return 0;
    if (PyBytes_AsStringAndSize(value, &at, &length) < 0 || PyBytes_AsStringAndSize(key, &key_bytes, &key_length) < 0)
        return 0;
    const char *next = at + form->tag_length, *end = at + length;
    if (length <= form->tag_length || memcmp(at, form->tag, (size_t)form->tag_length))
        return 0;
    uint64_t seen = 0;
    int guess = 0;
    while (next < end && *next == ',') {
        const char *name = next + 1;
        if (end - name < 4 || *name != '"')
            return 0;
        const Field *field = find_field(form, guess, name + 1, end);
        if (field == NULL || name[field->length + 2] != ':')
            return 0;
        guess = (int)(field - form->fields) + 1;
        if (seen >> (guess - 1) & 1)
            return 0;
        seen |= 1ull << (guess - 1);
        next = read_field(field, name, name + field->length + 3, end, key_bytes, key_length, columns, texts);
        if (next == NULL)
            return 0;
    }
    return next + 1 == end && *next == '}' && (seen & 7) == 7; /* the first three are required */
}

static int is_field(const Field *field) {
    return field->length > 0 && field->length <= (int32_t)sizeof field->name && field->kind >= TEXT && field->kind <= REAL &&
           field->column >= -1;
}

static int take_form(Form *form, const void *fields, Py_ssize_t size, PyObject *tag) {
    char *bytes;
    form->fields = fields;
    Py_ssize_t count = size / (Py_ssize_t)sizeof(Field), right = 0;
    while (right < count && is_field(&form->fields[right]))
        right++;
    form->count = (int)count;
    if (size % (Py_ssize_t)sizeof(Field) || count > MOST_FIELDS || count < 3 || right < count) {
        PyErr_SetString(PyExc_ValueError, "these are not the fields of a snapshot");
        return -1;
    }
    if (PyBytes_AsStringAndSize(tag, &bytes, &form->tag_length) < 0)
        return -1;
    form->tag = bytes;
    return 0;
}

static void begin_texts(Texts *texts, int64_t partition) {
    memcpy(texts->bytes, &partition, sizeof partition);
    texts->length = sizeof partition;
}

/* Return the number under which texts are known; NOT_KNOWN, or NOT_SURE with an exception. */
static int64_t look_up(PyObject *known, const Texts *texts) {
    PyObject *key = PyBytes_FromStringAndSize(texts->bytes, texts->length);
    if (key == NULL)
        return NOT_SURE;
    PyObject *number = PyDict_GetItemWithError(known, key); /* borrowed */
    Py_DecRef(key);
    if (number == NULL)
        return PyErr_Occurred() ? NOT_SURE : NOT_KNOWN;
    int64_t value = PyLong_AsLongLong(number);
    if (value >= 0)
        return value;
    if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "the number of an identity is below 0");
    return NOT_SURE;
}

/* Load the bytes of a record that comes soon. */
static void prefetch(PyObject *value) {
    const char *at = (const char *)value;
    for (int line = 0; line < 10; line++)
        __builtin_prefetch(at + 64 * line);
}

/* read_snapshots((fields, partitions, > numbers, reals, wholes), tag, keys, values, known)
 * Fill a column of `reals` and `wholes` for each record, and in `numbers` the identity's number in `known`; NOT_KNOWN where
 * only the texts are new, NOT_SURE where the columns of the record mean nothing. */
PyObject *read_snapshots(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *tuple, *tag, *keys, *values, *known;
    if (!PyArg_ParseTuple(args, "O!SO!O!O!", &PyTuple_Type, &tuple, &tag, &PyList_Type, &keys, &PyList_Type, &values,
                          &PyDict_Type, &known))
        return NULL;
    Arrays arrays;
    Form form;
    Texts texts;
    void *at[5];
    if (arrays_take(&arrays, tuple, "Bq>qdq", at) < 0)
        return NULL;
    Py_ssize_t count = PyList_Size(values);
    int failed = take_form(&form, at[0], arrays_items(&arrays, 0), tag) < 0;
    if (!failed && (PyList_Size(keys) != count || arrays_items(&arrays, 1) != count || arrays_items(&arrays, 2) != count)) {
        PyErr_SetString(PyExc_ValueError, "keys, values, partitions and numbers must have one length");
        failed = 1;
    }
    for (int i = 0; !failed && i < form.count; i++) {
        const Field *field = &form.fields[i];
        Py_ssize_t items = arrays_items(&arrays, field->kind == REAL ? 3 : 4);
        if (field->kind != TEXT && field->column >= 0 && ((Py_ssize_t)field->column + 1) * count > items) {
            PyErr_SetString(PyExc_ValueError, "there are fewer columns than fields");
            failed = 1;
        }
    }
    const int64_t *partitions = at[1];
    int64_t *numbers = at[2];
    for (Py_ssize_t i = 0; !failed && i < count; i++) {
        if (i + 2 < count)
            prefetch(PyList_GetItem(values, i + 2));
        Columns columns = {(double *)at[3] + i, (int64_t *)at[4] + i, count};
        begin_texts(&texts, partitions[i]);
        numbers[i] = NOT_SURE;
        if (read_snapshot(&form, PyList_GetItem(values, i), PyList_GetItem(keys, i), columns, &texts)) {
            numbers[i] = look_up(known, &texts);
            failed = numbers[i] == NOT_SURE;
        }
    }
    arrays_release(&arrays);
    return failed ? NULL : Py_NewRef(Py_None);
}

/* snapshot_texts((fields,), tag, partition, key, value) -> what `known` has for the texts of this record, or None. */
PyObject *snapshot_texts(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *tuple, *tag, *key, *value, *result = NULL;
    long long partition;
    if (!PyArg_ParseTuple(args, "O!SLOO", &PyTuple_Type, &tuple, &tag, &partition, &key, &value))
        return NULL;
    Arrays arrays;
    Form form;
    Texts texts;
    void *at[1];
    double real[MOST_FIELDS];
    int64_t whole[MOST_FIELDS];
    if (arrays_take(&arrays, tuple, "B", at) < 0)
        return NULL;
    if (take_form(&form, at[0], arrays_items(&arrays, 0), tag) == 0) {
        /* Every column falls into one cell. */
        Columns columns = {real, whole, 0};
        begin_texts(&texts, partition);
        if (read_snapshot(&form, value, key, columns, &texts))
            result = PyBytes_FromStringAndSize(texts.bytes, texts.length);
        else
            result = Py_NewRef(Py_None);
    }
    arrays_release(&arrays);
    return result;
}
