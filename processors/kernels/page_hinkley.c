/* Twin of processors/models/page_hinkley.py. */
#include "kernels.h"
#include "records.h"

enum { N, MEAN, UP, DOWN, LOWEST, HIGHEST, FLAG, WIDTH };

typedef struct {
    double min_instances, delta, threshold, alpha;
    int up, down; /* which changes raise the flag */
} Test;

static void step(const void *model, double *state, const double *x, double *flag) {
    const Test *test = model;
    if (state[FLAG] > 0)
        memset(state, 0, WIDTH * sizeof *state);
    /* The sums of a new test start at infinity and at -1; a new row has zeros. */
    double lowest = state[N] > 0 ? state[LOWEST] : INFINITY;
    double highest = state[N] > 0 ? state[HIGHEST] : -1.0;
    double n = state[N] + 1, mean = state[MEAN] + 1.0 / n * (*x - state[MEAN]), deviation = *x - mean;
    double up = test->alpha * state[UP] + deviation - test->delta;
    double down = test->alpha * state[DOWN] + deviation + test->delta;
    lowest = up < lowest ? up : lowest;
    highest = down > highest ? down : highest;
    int rose = test->up && up - lowest > test->threshold;
    int fell = test->down && highest - down > test->threshold;
    *flag = (rose || fell) && n >= test->min_instances;
    const double now[WIDTH] = {n, mean, up, down, lowest, highest, *flag};
    memcpy(state, now, sizeof now);
}

/* page_hinkley(records, min_instances, delta, threshold, alpha, up, down) */
PyObject *page_hinkley(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *records;
    Test test;
    if (!PyArg_ParseTuple(args, "O!ddddpp", &PyTuple_Type, &records, &test.min_instances, &test.delta,
                          &test.threshold, &test.alpha, &test.up, &test.down))
        return NULL;
    return records_score_learn(records, (Sizes){.features = 1, .scores = 1, .width = WIDTH}, step, &test);
}
