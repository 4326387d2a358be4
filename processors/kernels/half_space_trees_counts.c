/* Twin of processors/models/half_space_trees/codec.py. */
#include "half_space_trees.h"
#include "kernels.h"

enum { ROWS, LOG, COUNTER, CURRENT, WARM, STALE, FITS };

enum { HEADER = 3 };

typedef struct {
    Py_ssize_t trees, leaves, window;
    int leaf_bytes;
    void *log;
    int64_t *counter;
    uint8_t *current;
    char *warm, *stale;
} Fleet;

/* Where the columns of one encoded window begin, and the widths of their numbers in bytes. */
typedef struct {
    const uint8_t *occupied, *leaf, *records;
    int occupied_bytes, leaf_bytes, record_bytes;
    int64_t size; /* records in the window */
} Window;

static int width_of(int64_t largest) { return largest < 1 << 8 ? 1 : largest < 1 << 16 ? 2 : 4; }

static uint64_t get(const uint8_t *from, int width, Py_ssize_t index) {
    uint64_t number = 0;
    for (int byte = width - 1; byte >= 0; byte--)
        number = number << 8 | from[index * width + byte];
    return number;
}

static uint8_t *put(uint8_t *to, int width, uint64_t number) {
    for (int byte = 0; byte < width; byte++)
        *to++ = (uint8_t)(number >> 8 * byte);
    return to;
}

/* Count the records in each leaf of each tree. No number in a log leads outside its tree. */
static void count(const Fleet *fleet, Py_ssize_t first, Py_ssize_t records, uint32_t *counts) {
    Py_ssize_t leaves = fleet->leaves;
    memset(counts, 0, (size_t)(fleet->trees * leaves) * sizeof *counts);
    for (Py_ssize_t at = first * fleet->trees; records > 0; records--)
        for (Py_ssize_t tree = 0; tree < fleet->trees; tree++, at++)
            counts[tree * leaves + (leaf_at(fleet->log, fleet->leaf_bytes > 1, at) & (leaves - 1))]++;
}

/* Write one window; return where it ends. The counts that are not 0 move to the front of `counts`. */
static uint8_t *encode_window(const Fleet *fleet, uint32_t *counts, Py_ssize_t records, uint8_t *to) {
    int width = width_of(records);
    *to++ = (uint8_t)width, *to++ = (uint8_t)fleet->leaf_bytes, *to++ = (uint8_t)width;
    uint8_t *leaf = to + width * fleet->trees;
    Py_ssize_t used = 0;
    for (Py_ssize_t tree = 0; tree < fleet->trees; tree++) {
        const uint32_t *of_tree = counts + tree * fleet->leaves;
        Py_ssize_t before = used;
        for (Py_ssize_t number = 0; number < fleet->leaves; number++)
            if (of_tree[number] > 0) {
                leaf = put(leaf, fleet->leaf_bytes, (uint64_t)number);
                counts[used++] = of_tree[number];
            }
        to = put(to, width, (uint64_t)(used - before));
    }
    for (Py_ssize_t at = 0; at < used; at++)
        leaf = put(leaf, width, counts[at]);
    return leaf;
}

static PyObject *encode_row(const Fleet *fleet, int64_t row, uint32_t *counts, uint8_t *scratch) {
    int current = fleet->current[row];
    Py_ssize_t finished = fleet->warm[row] ? fleet->window : 0, growing = (Py_ssize_t)fleet->counter[row];
    count(fleet, first_record(row, 1 - current, fleet->window), finished, counts);
    uint8_t *end = encode_window(fleet, counts, finished, scratch);
    count(fleet, first_record(row, current, fleet->window), growing, counts);
    end = encode_window(fleet, counts, growing, end);
    return PyBytes_FromStringAndSize((const char *)scratch, end - scratch);
}

static PyObject *encode_rows(const Fleet *fleet, const int64_t *rows, Py_ssize_t number, uint32_t *counts,
                             uint8_t *scratch) {
    PyObject *payloads = PyList_New(number);
    for (Py_ssize_t i = 0; payloads != NULL && i < number; i++) {
        PyObject *payload = encode_row(fleet, rows[i], counts, scratch);
        if (payload == NULL || PyList_SetItem(payloads, i, payload) < 0)
            Py_CLEAR(payloads);
    }
    return payloads;
}

/* Return the largest size of an encoded row, in bytes. */
static size_t most_bytes(const Fleet *fleet) {
    size_t used = (size_t)(fleet->leaves < fleet->window ? fleet->leaves : fleet->window);
    size_t width = (size_t)width_of(fleet->window), trees = (size_t)fleet->trees;
    return WINDOWS * (HEADER + trees * (width + used * ((size_t)fleet->leaf_bytes + width)));
}

static PyObject *encode(const Fleet *fleet, const int64_t *rows, Py_ssize_t number) {
    uint32_t *counts = PyMem_Malloc((size_t)(fleet->trees * fleet->leaves) * sizeof *counts);
    uint8_t *scratch = PyMem_Malloc(most_bytes(fleet));
    PyObject *payloads =
        counts && scratch ? encode_rows(fleet, rows, number, counts, scratch) : PyErr_NoMemory();
    PyMem_Free(counts);
    PyMem_Free(scratch);
    return payloads;
}

/* Return where `count` numbers end, or NULL where the payload ends before. */
static const uint8_t *after(const uint8_t *from, const uint8_t *end, int width, uint64_t count) {
    int known = width == 1 || width == 2 || width == 4;
    return known && count <= (uint64_t)(end - from) / (uint64_t)width ? from + (uint64_t)width * count : NULL;
}

/* Return whether all trees have the same number of records, in leaves that exist; note that number. */
static int agrees(const Fleet *fleet, Window *window) {
    Py_ssize_t at = 0;
    for (Py_ssize_t tree = 0; tree < fleet->trees; tree++) {
        int64_t records = 0;
        for (uint64_t left = get(window->occupied, window->occupied_bytes, tree); left > 0; left--, at++) {
            records += (int64_t)get(window->records, window->record_bytes, at);
            if (get(window->leaf, window->leaf_bytes, at) >= (uint64_t)fleet->leaves)
                return 0;
        }
        if (tree > 0 && records != window->size)
            return 0;
        window->size = records;
    }
    return 1;
}

/* Find the columns of the window at `from`; return where it ends, or NULL if it cannot be one. */
static const uint8_t *find_window(const Fleet *fleet, const uint8_t *from, const uint8_t *end,
                                  Window *window) {
    if (end - from < HEADER)
        return NULL;
    window->occupied_bytes = from[0], window->leaf_bytes = from[1], window->record_bytes = from[2];
    window->occupied = from + HEADER;
    window->leaf = after(window->occupied, end, window->occupied_bytes, (uint64_t)fleet->trees);
    if (window->leaf == NULL)
        return NULL;
    uint64_t leaves = 0;
    for (Py_ssize_t tree = 0; tree < fleet->trees; tree++)
        leaves += get(window->occupied, window->occupied_bytes, tree);
    window->records = after(window->leaf, end, window->leaf_bytes, leaves);
    if (window->records == NULL)
        return NULL;
    const uint8_t *stop = after(window->records, end, window->record_bytes, leaves);
    return stop != NULL && agrees(fleet, window) ? stop : NULL;
}

/* Write a log in the order of its leaves. */
static void fill(const Fleet *fleet, Py_ssize_t first, const Window *window) {
    Py_ssize_t at = 0;
    for (Py_ssize_t tree = 0; tree < fleet->trees; tree++) {
        Py_ssize_t cell = first * fleet->trees + tree;
        for (uint64_t left = get(window->occupied, window->occupied_bytes, tree); left > 0; left--, at++) {
            uint64_t leaf = get(window->leaf, window->leaf_bytes, at);
            uint64_t records = get(window->records, window->record_bytes, at);
            for (; records > 0; records--, cell += fleet->trees)
                leaf_set(fleet->log, fleet->leaf_bytes > 1, cell, (unsigned)leaf);
        }
    }
}

/* Put one payload into a row that is new; return whether it is a state of such trees. */
static char decode_row(const Fleet *fleet, int64_t row, const uint8_t *from, const uint8_t *end) {
    Window finished, growing;
    const uint8_t *middle = find_window(fleet, from, end, &finished);
    if (middle == NULL || find_window(fleet, middle, end, &growing) != end)
        return 0;
    if ((finished.size != 0 && finished.size != fleet->window) || growing.size >= fleet->window)
        return 0;
    fill(fleet, first_record(row, 1, fleet->window), &finished);
    fill(fleet, first_record(row, 0, fleet->window), &growing);
    fleet->counter[row] = growing.size;
    fleet->warm[row] = fleet->stale[row] = finished.size > 0;
    return 1;
}

static PyObject *decode(const Fleet *fleet, const int64_t *rows, Py_ssize_t number, PyObject *payloads,
                        char *fits) {
    if (PyList_Size(payloads) != number)
        return PyErr_Format(PyExc_ValueError, "there are not as many payloads as rows");
    for (Py_ssize_t i = 0; i < number; i++) {
        char *payload;
        Py_ssize_t size;
        if (PyBytes_AsStringAndSize(PyList_GetItem(payloads, i), &payload, &size) < 0)
            return NULL;
        const uint8_t *from = (const uint8_t *)payload;
        fleet->counter[rows[i]] = 0;
        fleet->current[rows[i]] = 0;
        fleet->warm[rows[i]] = fleet->stale[rows[i]] = 0;
        fits[i] = decode_row(fleet, rows[i], from, from + size);
    }
    Py_RETURN_NONE;
}

/* Return 0, or -1 with an exception if the arrays do not fit, or a number in them would lead outside one. */
static int check(const Fleet *fleet, const Arrays *arrays, const int64_t *rows, Py_ssize_t number) {
    Py_ssize_t capacity = arrays_items(arrays, COUNTER);
    for (int index = COUNTER; index <= STALE; index++)
        if (items_check(arrays, index, capacity, 1) < 0)
            return -1;
    if (items_check(arrays, LOG, WINDOWS * capacity, fleet->window * fleet->trees) < 0 ||
        rows_check(rows, number, capacity) < 0)
        return -1;
    return windows_check(fleet->current, fleet->counter, fleet->window, rows, number);
}

/* Take the arrays, and find out what the trees are like; return 0, or -1 with an exception. */
static int take(Fleet *fleet, Arrays *arrays, PyObject *tuple, const char *const types[2], int height,
                void **at) {
    if (fleet->trees < 1 || fleet->window < 1 || height < 1 || height > MOST_HEIGHT) {
        PyErr_SetString(PyExc_ValueError, "there are no such trees");
        return -1;
    }
    fleet->leaves = (Py_ssize_t)1 << height;
    fleet->leaf_bytes = is_wide_log(height) ? 2 : 1;
    if (arrays_take(arrays, tuple, types[is_wide_log(height)], at) < 0)
        return -1;
    fleet->log = at[LOG], fleet->counter = at[COUNTER], fleet->current = at[CURRENT];
    fleet->warm = at[WARM], fleet->stale = at[STALE];
    if (check(fleet, arrays, at[ROWS], arrays_items(arrays, ROWS)) == 0)
        return 0;
    arrays_release(arrays);
    return -1;
}

/* half_space_trees_encode((rows, log, counter, current, warm, stale), trees, height, window_size)
 * Return the windows of each row as bytes. */
PyObject *half_space_trees_encode(PyObject *module, PyObject *args) {
    (void)module;
    static const char *const TYPES[] = {"qBqB??", "qHqB??"};
    PyObject *tuple;
    Fleet fleet;
    int height;
    if (!PyArg_ParseTuple(args, "O!nin", &PyTuple_Type, &tuple, &fleet.trees, &height, &fleet.window))
        return NULL;
    Arrays arrays;
    void *at[STALE + 1];
    if (take(&fleet, &arrays, tuple, TYPES, height, at) < 0)
        return NULL;
    PyObject *payloads = encode(&fleet, at[ROWS], arrays_items(&arrays, ROWS));
    arrays_release(&arrays);
    return payloads;
}

/* half_space_trees_decode((rows, > log, counter, current, warm, stale, fits), payloads, trees, height,
 *                          window_size)
 * Put payloads into rows; `fits` gets which of them are states of such trees. The rows of the others are
 * new. */
PyObject *half_space_trees_decode(PyObject *module, PyObject *args) {
    (void)module;
    static const char *const TYPES[] = {"q>BqB???", "q>HqB???"};
    PyObject *tuple, *payloads;
    Fleet fleet;
    int height;
    if (!PyArg_ParseTuple(args, "O!O!nin", &PyTuple_Type, &tuple, &PyList_Type, &payloads, &fleet.trees,
                          &height, &fleet.window))
        return NULL;
    Arrays arrays;
    void *at[FITS + 1];
    if (take(&fleet, &arrays, tuple, TYPES, height, at) < 0)
        return NULL;
    Py_ssize_t number = arrays_items(&arrays, ROWS);
    PyObject *result = NULL;
    if (items_check(&arrays, FITS, number, 1) == 0)
        result = decode(&fleet, at[ROWS], number, payloads, at[FITS]);
    arrays_release(&arrays);
    return result;
}
