/* Twin of `leaf_counts` and `score_table` in processors/models/half_space_trees/shape.py. */
#include "half_space_trees.h"
#include "kernels.h"

enum { ROWS, LOG, CURRENT, TABLE, ARRAYS };

typedef struct {
    Py_ssize_t trees, leaves, window;
    int wide_log, wide_table; /* a wide log has 16 bits instead of 8, a wide table 32 instead of 16 */
    uint32_t enough;          /* records of a node below which River goes no deeper */
    const void *log;
    const uint8_t *current;
    void *table;
    uint32_t *records; /* by tree and node; nodes are numbered as in a binary heap */
} Fleet;

static uint32_t *records_of(const Fleet *fleet, Py_ssize_t tree) {
    return fleet->records + tree * (2 * fleet->leaves - 1);
}

/* Count the records of the finished window in each leaf. No number in a log leads outside its tree. */
static void count(const Fleet *fleet, int64_t row) {
    Py_ssize_t inner = fleet->leaves - 1, nodes = 2 * fleet->leaves - 1;
    Py_ssize_t at = first_record(row, 1 - fleet->current[row], fleet->window) * fleet->trees;
    memset(fleet->records, 0, (size_t)(fleet->trees * nodes) * sizeof *fleet->records);
    for (Py_ssize_t record = 0; record < fleet->window; record++) {
        uint32_t *leaves = fleet->records + inner;
        for (Py_ssize_t tree = 0; tree < fleet->trees; tree++, at++, leaves += nodes)
            leaves[leaf_at(fleet->log, fleet->wide_log, at) & (unsigned)inner]++;
    }
}

static void add_up(const Fleet *fleet, uint32_t *records) {
    for (Py_ssize_t node = fleet->leaves - 2; node >= 0; node--)
        records[node] = records[2 * node + 1] + records[2 * node + 2];
}

static void fill(const Fleet *fleet, Py_ssize_t begin, Py_ssize_t end, uint32_t total) {
    uint32_t *wide = fleet->table;
    uint16_t *narrow = fleet->table;
    for (; begin < end; begin++)
        if (fleet->wide_table)
            wide[begin] = total;
        else
            narrow[begin] = (uint16_t)total;
}

/* Fill the cells of the `leaves` below a node, from `cell` on. `total` is what River adds up down to it. */
static void descend(const Fleet *fleet, const uint32_t *records, Py_ssize_t node, int depth, uint32_t total,
                    Py_ssize_t cell, Py_ssize_t leaves) {
    if (leaves == 1 || records[node] < fleet->enough) {
        fill(fleet, cell, cell + leaves, total);
        return;
    }
    Py_ssize_t left = 2 * node + 1, half = leaves / 2;
    descend(fleet, records, left, depth + 1, total + (records[left] << depth), cell, half);
    descend(fleet, records, left + 1, depth + 1, total + (records[left + 1] << depth), cell + half, half);
}

static void build(const Fleet *fleet, int64_t row) {
    count(fleet, row);
    for (Py_ssize_t tree = 0; tree < fleet->trees; tree++) {
        uint32_t *records = records_of(fleet, tree);
        add_up(fleet, records);
        descend(fleet, records, 0, 0, 0, (row * fleet->trees + tree) * fleet->leaves, fleet->leaves);
    }
}

/* Return 0, or -1 with an exception if the arrays do not fit, or a number in them would lead outside one. */
static int check(const Fleet *fleet, const Arrays *arrays, const int64_t *rows, Py_ssize_t number) {
    Py_ssize_t capacity = arrays_items(arrays, CURRENT);
    if (items_check(arrays, LOG, WINDOWS * capacity, fleet->window * fleet->trees) < 0 ||
        items_check(arrays, TABLE, capacity, fleet->trees * fleet->leaves) < 0 ||
        rows_check(rows, number, capacity) < 0)
        return -1;
    int fit = 1;
    for (Py_ssize_t i = 0; i < number; i++)
        fit &= fleet->current[rows[i]] <= 1;
    if (!fit)
        PyErr_SetString(PyExc_ValueError, "the windows have numbers that cannot be");
    return fit ? 0 : -1;
}

static PyObject *build_all(Fleet *fleet, const int64_t *rows, Py_ssize_t number) {
    size_t nodes = (size_t)(fleet->trees * (2 * fleet->leaves - 1));
    fleet->records = PyMem_Malloc(nodes * sizeof *fleet->records);
    if (fleet->records == NULL)
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < number; i++)
        build(fleet, rows[i]);
    PyMem_Free(fleet->records);
    Py_RETURN_NONE;
}

/* half_space_trees_tables((rows, log, current, > table), trees, height, window_size, enough)
 * Build the tables of rows from their finished windows. */
PyObject *half_space_trees_tables(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *tuple;
    Fleet fleet;
    int height;
    if (!PyArg_ParseTuple(args, "O!ninI", &PyTuple_Type, &tuple, &fleet.trees, &height, &fleet.window,
                          &fleet.enough))
        return NULL;
    if (fleet.trees < 1 || height < 1 || height > MOST_HEIGHT || fleet.window < 1 || fleet.window > INT32_MAX)
        return PyErr_Format(PyExc_ValueError, "there are no such trees");
    fleet.leaves = (Py_ssize_t)1 << height;
    fleet.wide_log = is_wide_log(height);
    fleet.wide_table = is_wide_table(fleet.window, fleet.leaves);
    const char types[] = {'q', fleet.wide_log ? 'H' : 'B', 'B', '>', fleet.wide_table ? 'I' : 'H', '\0'};
    Arrays arrays;
    void *at[ARRAYS];
    if (arrays_take(&arrays, tuple, types, at) < 0)
        return NULL;
    fleet.log = at[LOG], fleet.current = at[CURRENT], fleet.table = at[TABLE];
    Py_ssize_t number = arrays_items(&arrays, ROWS);
    PyObject *result = NULL;
    if (check(&fleet, &arrays, at[ROWS], number) == 0)
        result = build_all(&fleet, at[ROWS], number);
    arrays_release(&arrays);
    return result;
}
