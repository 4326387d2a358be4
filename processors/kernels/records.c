/* Twin of `_in_rounds` in processors/models/column_model.py. */
#include "records.h"

enum { ROWS, X, USABLE, LEARN, FRESH, STATE, SCORES, BEFORE, AFTER, ARRAYS };

/* Records ahead, and numbers in a line of the cache. */
enum { AHEAD = 8, LINE = 8 };

typedef struct {
    Sizes sizes;
    Py_ssize_t count;
    const int64_t *rows;
    const double *x;
    const char *usable, *learn, *fresh;
    double *state, *scores, *before, *after; /* the last two are NULL where they are not wanted */
    double *kept;                            /* the row of a record that may not be learned */
} Records;

int items_check(const Arrays *arrays, int index, Py_ssize_t count, Py_ssize_t each) {
    Py_ssize_t items = arrays_items(arrays, index);
    if (items % each == 0 && items / each == count)
        return 0;
    const char *text = "array %d has %zd items; %zd times %zd are expected";
    PyErr_Format(PyExc_ValueError, text, index, items, count, each);
    return -1;
}

static int check(const Arrays *arrays, Sizes sizes, const int64_t *rows) {
    Py_ssize_t width = sizes.width, count = arrays_items(arrays, ROWS);
    Py_ssize_t capacity = arrays_items(arrays, STATE) / width;
    const Py_ssize_t each[ARRAYS] = {1, sizes.features, 1, 1, 1, width, sizes.scores, width, width};
    for (int index = 0; index < ARRAYS; index++) {
        int wanted = index < BEFORE || arrays_items(arrays, index) > 0;
        if (wanted && items_check(arrays, index, index == STATE ? capacity : count, each[index]) < 0)
            return -1;
    }
    return rows_check(rows, count, capacity);
}

static void copy(double *to, const double *from, Py_ssize_t numbers) {
    memcpy(to, from, (size_t)numbers * sizeof *to);
}

/* Load the row of a record that comes soon, so that the next ones do not wait for it. */
static void prefetch(const Records *records, Py_ssize_t i) {
    Py_ssize_t width = records->sizes.width;
    if (i < records->count)
        for (Py_ssize_t at = 0; at < width; at += LINE)
            __builtin_prefetch(records->state + records->rows[i] * width + at, 1);
}

static void one(const Records *records, Py_ssize_t i, Step *step, const void *model) {
    Py_ssize_t width = records->sizes.width;
    double *state = records->state + records->rows[i] * width;
    if (records->fresh[i])
        memset(state, 0, (size_t)width * sizeof *state);
    if (records->before)
        copy(records->before + i * width, state, width);
    if (records->usable[i]) {
        if (!records->learn[i])
            copy(records->kept, state, width);
        const double *x = records->x + i * records->sizes.features;
        step(model, state, x, records->scores + i * records->sizes.scores);
        if (!records->learn[i])
            copy(state, records->kept, width);
    }
    if (records->after)
        copy(records->after + i * width, state, width);
}

static PyObject *run(const Arrays *arrays, void **at, Sizes sizes, Step *step, const void *model) {
    if (check(arrays, sizes, at[ROWS]) < 0)
        return NULL;
    Records records = {
        .sizes = sizes,
        .count = arrays_items(arrays, ROWS),
        .rows = at[ROWS],
        .x = at[X],
        .usable = at[USABLE],
        .learn = at[LEARN],
        .fresh = at[FRESH],
        .state = at[STATE],
        .scores = at[SCORES],
        .before = arrays_items(arrays, BEFORE) ? at[BEFORE] : NULL,
        .after = arrays_items(arrays, AFTER) ? at[AFTER] : NULL,
        .kept = PyMem_Calloc((size_t)sizes.width, sizeof(double)),
    };
    if (records.kept == NULL)
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < records.count; i++) {
        prefetch(&records, i + AHEAD);
        one(&records, i, step, model);
    }
    PyMem_Free(records.kept);
    return Py_NewRef(Py_None);
}

PyObject *records_score_learn(PyObject *tuple, Sizes sizes, Step *step, const void *model) {
    Arrays arrays;
    void *at[ARRAYS];
    if (arrays_take(&arrays, tuple, "qd???" /* no trigraph */ ">dddd", at) < 0)
        return NULL;
    PyObject *result = run(&arrays, at, sizes, step, model);
    arrays_release(&arrays);
    return result;
}
