/* Twin of processors/models/half_space_trees/model.py. */
#include "half_space_trees.h"
#include "kernels.h"

enum { ROWS, X, USABLE, LEARN, FEATURE, THRESHOLD, TABLE, LOG, COUNTER, CURRENT, WARM, STALE, SCORES };

enum { ARRAYS = SCORES + 1 };

/* The leaves of a block of records are found before its first record is scored: the cells of the table are
 * loaded meanwhile. */
enum { BLOCK = 8 };

typedef struct {
    Py_ssize_t features, trees, leaves, window;
    int height, wide_log, wide_table; /* a wide log has 16 bits instead of 8, a wide table 32 instead of 16 */
    const int64_t *feature;
    const double *threshold;
    const void *table;
    void *log;
    int64_t *counter;
    uint8_t *current;
    char *warm, *stale;
    double max_score;
    uint16_t *leaf; /* by record of a block, the leaf in each tree */
} Fleet;

typedef struct {
    Py_ssize_t count;
    const int64_t *rows;
    const double *x;
    const char *usable, *learn;
    double *scores;
} Records;

/* Nodes are numbered as in a binary heap. */
static void find_leaves(const Fleet *fleet, const double *x, uint16_t *node) {
    Py_ssize_t inner = fleet->leaves - 1;
    memset(node, 0, (size_t)fleet->trees * sizeof *node);
    for (int depth = 0; depth < fleet->height; depth++)
        for (Py_ssize_t tree = 0; tree < fleet->trees; tree++) {
            Py_ssize_t at = tree * inner + node[tree];
            node[tree] = (uint16_t)(2 * node[tree] + 1 + (x[fleet->feature[at]] >= fleet->threshold[at]));
        }
    for (Py_ssize_t tree = 0; tree < fleet->trees; tree++)
        node[tree] = (uint16_t)(node[tree] - inner);
}

static Py_ssize_t cell(const Fleet *fleet, int64_t row, Py_ssize_t tree, uint16_t leaf) {
    return (row * fleet->trees + tree) * fleet->leaves + leaf;
}

static void prefetch(const Fleet *fleet, int64_t row, const uint16_t *leaf) {
    const char *table = fleet->table;
    int size = fleet->wide_table ? sizeof(uint32_t) : sizeof(uint16_t);
    for (Py_ssize_t tree = 0; tree < fleet->trees; tree++)
        __builtin_prefetch(table + cell(fleet, row, tree, leaf[tree]) * size);
}

static double score(const Fleet *fleet, int64_t row, const uint16_t *leaf) {
    if (!fleet->warm[row])
        return 0.0;
    const uint32_t *wide = fleet->table;
    const uint16_t *narrow = fleet->table;
    int64_t below = 0;
    for (Py_ssize_t tree = 0; tree < fleet->trees; tree++) {
        Py_ssize_t at = cell(fleet, row, tree, leaf[tree]);
        below += fleet->wide_table ? wide[at] : narrow[at];
    }
    return 1 - (double)(fleet->trees * fleet->window + 2 * below) / fleet->max_score;
}

static void learn(const Fleet *fleet, int64_t row, const uint16_t *leaf) {
    Py_ssize_t record = first_record(row, fleet->current[row], fleet->window) + fleet->counter[row];
    for (Py_ssize_t tree = 0; tree < fleet->trees; tree++)
        leaf_set(fleet->log, fleet->wide_log, record * fleet->trees + tree, leaf[tree]);
    if (++fleet->counter[row] < fleet->window)
        return;
    fleet->counter[row] = 0;
    fleet->current[row] ^= 1;
    fleet->warm[row] = fleet->stale[row] = 1;
}

static void look_ahead(const Fleet *fleet, const Records *records, Py_ssize_t begin, Py_ssize_t end) {
    for (Py_ssize_t i = begin; i < end; i++)
        if (records->usable[i]) {
            uint16_t *leaf = fleet->leaf + (i - begin) * fleet->trees;
            find_leaves(fleet, records->x + i * fleet->features, leaf);
            prefetch(fleet, records->rows[i], leaf);
        }
}

/* Return the index of the first record whose table is stale, or `end`. */
static Py_ssize_t run_block(const Fleet *fleet, const Records *records, Py_ssize_t begin, Py_ssize_t end) {
    look_ahead(fleet, records, begin, end);
    for (Py_ssize_t i = begin; i < end; i++) {
        int64_t row = records->rows[i];
        const uint16_t *leaf = fleet->leaf + (i - begin) * fleet->trees;
        if (!records->usable[i])
            continue;
        if (fleet->stale[row])
            return i;
        records->scores[i] = score(fleet, row, leaf);
        if (records->learn[i])
            learn(fleet, row, leaf);
    }
    return end;
}

static Py_ssize_t run(const Fleet *fleet, const Records *records, Py_ssize_t begin) {
    while (begin < records->count) {
        Py_ssize_t end = begin + BLOCK < records->count ? begin + BLOCK : records->count;
        Py_ssize_t stop = run_block(fleet, records, begin, end);
        if (stop < end)
            return stop;
        begin = end;
    }
    return begin;
}

static int check_lengths(const Fleet *fleet, const Arrays *arrays) {
    Py_ssize_t count = arrays_items(arrays, ROWS), capacity = arrays_items(arrays, COUNTER);
    Py_ssize_t trees = fleet->trees, table = trees * fleet->leaves, inner = fleet->leaves - 1;
    const struct {
        Py_ssize_t count, each;
    } wanted[ARRAYS] = {
        [ROWS] = {count, 1},           [X] = {count, fleet->features},
        [USABLE] = {count, 1},         [LEARN] = {count, 1},
        [FEATURE] = {trees, inner},    [THRESHOLD] = {trees, inner},
        [TABLE] = {capacity, table},   [LOG] = {WINDOWS * capacity, fleet->window * trees},
        [COUNTER] = {capacity, 1},     [CURRENT] = {capacity, 1},
        [WARM] = {capacity, 1},        [STALE] = {capacity, 1},
        [SCORES] = {count, 1},
    };
    for (int index = 0; index < ARRAYS; index++)
        if (items_check(arrays, index, wanted[index].count, wanted[index].each) < 0)
            return -1;
    return rows_check(arrays->views[ROWS].buf, count, capacity);
}

int windows_check(const uint8_t *current, const int64_t *counter, Py_ssize_t window_size, const int64_t *rows,
                  Py_ssize_t count) {
    int fit = 1;
    for (Py_ssize_t i = 0; i < count; i++) {
        int64_t filled = counter[rows[i]];
        fit &= current[rows[i]] < WINDOWS && filled >= 0 && filled < window_size;
    }
    if (!fit)
        PyErr_SetString(PyExc_ValueError, "the windows have numbers that cannot be");
    return fit ? 0 : -1;
}

/* Return 0, or -1 with an exception if a number in the trees or rows would lead outside an array. */
static int check_numbers(const Fleet *fleet, const int64_t *rows, Py_ssize_t begin, Py_ssize_t count) {
    int fits = begin >= 0 && begin <= count;
    for (Py_ssize_t i = 0; i < fleet->trees * (fleet->leaves - 1); i++)
        fits &= fleet->feature[i] >= 0 && fleet->feature[i] < fleet->features;
    if (fits)
        return windows_check(fleet->current, fleet->counter, fleet->window, rows + begin, count - begin);
    PyErr_SetString(PyExc_ValueError, "the trees have numbers that cannot be");
    return -1;
}

static PyObject *score_learn(Fleet *fleet, const Records *records, Py_ssize_t begin) {
    fleet->leaf = PyMem_Calloc((size_t)fleet->trees * BLOCK, sizeof *fleet->leaf);
    if (fleet->leaf == NULL)
        return PyErr_NoMemory();
    Py_ssize_t end = run(fleet, records, begin);
    PyMem_Free(fleet->leaf);
    return PyLong_FromSsize_t(end);
}

static PyObject *take(Fleet *fleet, const Arrays *arrays, void **at, Py_ssize_t begin) {
    const Records records = {.count = arrays_items(arrays, ROWS),
                             .rows = at[ROWS],
                             .x = at[X],
                             .usable = at[USABLE],
                             .learn = at[LEARN],
                             .scores = at[SCORES]};
    fleet->feature = at[FEATURE], fleet->threshold = at[THRESHOLD];
    fleet->table = at[TABLE], fleet->log = at[LOG];
    fleet->counter = at[COUNTER], fleet->current = at[CURRENT];
    fleet->warm = at[WARM], fleet->stale = at[STALE];
    fleet->trees = arrays_items(arrays, FEATURE) / (fleet->leaves - 1);
    fleet->max_score = (double)(fleet->trees * fleet->window * (2 * fleet->leaves - 1));
    if (fleet->trees < 1)
        return PyErr_Format(PyExc_ValueError, "there are no trees");
    if (check_lengths(fleet, arrays) < 0 || check_numbers(fleet, records.rows, begin, records.count) < 0)
        return NULL;
    return score_learn(fleet, &records, begin);
}

/* half_space_trees((rows, x, usable, learn, feature, threshold, table, > log, counter, current, warm, stale,
 *                   scores), begin, features, height, window_size)
 * Score and learn the records from `begin` on, up to the first one whose table is stale; return its index. */
PyObject *half_space_trees(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *tuple;
    Py_ssize_t begin;
    int features, height, window;
    if (!PyArg_ParseTuple(args, "O!niii", &PyTuple_Type, &tuple, &begin, &features, &height, &window))
        return NULL;
    if (features < 1 || height < 1 || height > MOST_HEIGHT || window < 1)
        return PyErr_Format(PyExc_ValueError, "%d features, height %d, window %d", features, height, window);
    Fleet fleet = {.features = features, .height = height, .window = window};
    fleet.leaves = (Py_ssize_t)1 << height;
    fleet.wide_log = is_wide_log(height);
    fleet.wide_table = is_wide_table(fleet.window, fleet.leaves);
    char types[] = "qd??qdH>BqB??d";
    if (fleet.wide_table)
        types[TABLE] = 'I';
    if (fleet.wide_log)
        types[LOG + 1] = 'H'; /* behind the > */
    Arrays arrays;
    void *at[ARRAYS];
    if (arrays_take(&arrays, tuple, types, at) < 0)
        return NULL;
    PyObject *result = take(&fleet, &arrays, at, begin);
    arrays_release(&arrays);
    return result;
}
