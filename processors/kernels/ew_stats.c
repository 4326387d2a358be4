/* Twin of processors/models/ew_stats.py. */
#include "arithmetic.h"
#include "kernels.h"
#include "records.h"

typedef struct {
    Py_ssize_t features;
    double fading_factor;
} Fading;

static double faded(double factor, int started, double old, double observed) {
    return started ? factor * observed + (1.0 - factor) * old : observed;
}

/* A row is: whether it has started; the means; the means of squares. */
static void step(const void *model, double *state, const double *x, double *scores) {
    const Fading *fading = model;
    double *means = state + 1, *squares = means + fading->features;
    int started = state[0] > 0;
    for (Py_ssize_t i = 0; i < fading->features; i++) {
        scores[i] = standardise(x[i], means[i], squares[i] - means[i] * means[i]);
        means[i] = faded(fading->fading_factor, started, means[i], x[i]);
        squares[i] = faded(fading->fading_factor, started, squares[i], x[i] * x[i]);
    }
    state[0] = 1.0;
}

/* ew_stats(records, features, fading_factor) */
PyObject *ew_stats(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *records;
    int features;
    Fading fading;
    if (!PyArg_ParseTuple(args, "O!id", &PyTuple_Type, &records, &features, &fading.fading_factor))
        return NULL;
    if (features < 1)
        return PyErr_Format(PyExc_ValueError, "%d features; at least 1 is expected", features);
    fading.features = features;
    Sizes sizes = {.features = features, .scores = features, .width = 1 + 2 * (Py_ssize_t)features};
    return records_score_learn(records, sizes, step, &fading);
}
