/* Twin of processors/models/page_hinkley.py. */
#include "kernels.h"

enum { N, MEAN, UP, DOWN, LOWEST, HIGHEST, FLAG, WIDTH };

typedef struct {
    double least, delta, threshold, alpha;
    int up, down; /* which changes raise the flag */
} Test;

static double step(const Test *test, double *state, double x) {
    if (state[FLAG] > 0)
        memset(state, 0, WIDTH * sizeof *state);
    /* The sums of a new test start at infinity and at -1; a new row has zeros. */
    double lowest = state[N] > 0 ? state[LOWEST] : INFINITY, highest = state[N] > 0 ? state[HIGHEST] : -1.0;
    double n = state[N] + 1, mean = state[MEAN] + 1.0 / n * (x - state[MEAN]), deviation = x - mean;
    double up = test->alpha * state[UP] + deviation - test->delta;
    double down = test->alpha * state[DOWN] + deviation + test->delta;
    lowest = fmin(lowest, up);
    highest = fmax(highest, down);
    int moved = (test->up && up - lowest > test->threshold) || (test->down && highest - down > test->threshold);
    double flag = moved && n >= test->least;
    double now[WIDTH] = {n, mean, up, down, lowest, highest, flag};
    memcpy(state, now, sizeof now);
    return flag;
}

/* page_hinkley((rows, x, fresh, > state, flags), min_instances, delta, threshold, alpha, up, down) */
PyObject *page_hinkley(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *tuple, *result = NULL;
    Test test;
    if (!PyArg_ParseTuple(args, "O!ddddpp", &PyTuple_Type, &tuple, &test.least, &test.delta, &test.threshold, &test.alpha,
                          &test.up, &test.down))
        return NULL;
    Arrays arrays;
    void *at[5];
    if (arrays_take(&arrays, tuple, "qd?>dd", at) < 0)
        return NULL;
    const int64_t *rows = at[0];
    const double *x = at[1];
    const char *fresh = at[2];
    double *state = at[3], *flags = at[4];
    Py_ssize_t count = arrays_items(&arrays, 0);
    if (rows_check(rows, count, arrays_items(&arrays, 3) / WIDTH) == 0) {
        for (Py_ssize_t i = 0; i < count; i++) {
            double *row = state + rows[i] * WIDTH;
            if (fresh[i])
                memset(row, 0, WIDTH * sizeof *row);
            flags[i] = step(&test, row, x[i]);
        }
        result = Py_NewRef(Py_None);
    }
    arrays_release(&arrays);
    return result;
}
