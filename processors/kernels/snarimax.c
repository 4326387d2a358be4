/* Twin of processors/models/snarimax/model.py; a row is as its layout.py says. */
#include "arithmetic.h"
#include "kernels.h"
#include "records.h"

typedef struct {
    Py_ssize_t features, terms;    /* of the regression, and of the differencing */
    Py_ssize_t hist, diff, errors; /* lengths of the rings */
    const int64_t *inputs, *lags, *term_lags;
    const double *coefficients;
    double lr, intercept_lr, clip_gradient, clip_z;
    double *x, *z; /* the features of a record, and the same standardised */
} Snarimax;

/* The parts of a row. */
typedef struct {
    double *seen, *intercept, *mean, *variance, *weight, *hist, *diff, *errors;
} Row;

static Py_ssize_t width(const Snarimax *model) {
    return 2 + 3 * model->features + model->hist + model->diff + model->errors;
}

static Row parts(const Snarimax *model, double *state) {
    Row row = {.seen = state, .intercept = state + 1, .mean = state + 2};
    row.variance = row.mean + model->features;
    row.weight = row.variance + model->features;
    row.hist = row.weight + model->features;
    row.diff = row.hist + model->hist;
    row.errors = row.diff + model->diff;
    return row;
}

static double predict(const Snarimax *model, const Row *row) {
    double total = 0.0;
    for (Py_ssize_t i = 0; i < model->features; i++) {
        model->z[i] = clip(standardise(model->x[i], row->mean[i], row->variance[i]), model->clip_z);
        total += row->weight[i] * model->z[i];
    }
    return total + *row->intercept;
}

static double difference(const Snarimax *model, const Row *row, double y) {
    double total = 0.0;
    for (Py_ssize_t i = 0; i < model->terms; i++) {
        int64_t lag = model->term_lags[i];
        total += lag ? model->coefficients[i] * row->hist[lag - 1] : y;
    }
    return total;
}

static double undo_difference(const Snarimax *model, const Row *row, double predicted) {
    double total = predicted;
    for (Py_ssize_t i = 1; i < model->terms; i++) {
        int64_t lag = model->term_lags[i];
        if (*row->seen < (double)lag) /* River stops at the first lag that is missing */
            break;
        total -= model->coefficients[i] * row->hist[lag - 1];
    }
    return total;
}

static void learn(const Snarimax *model, const Row *row, double target) {
    double learned = *row->seen - (double)model->hist;
    for (Py_ssize_t i = 0; i < model->features; i++) {
        double count = larger(learned + 1 - (double)model->lags[i], 1.0);
        double x = model->x[i], before = row->mean[i];
        row->mean[i] += (x - before) / count;
        double spread = (x - before) * (x - row->mean[i]);
        row->variance[i] += (spread - row->variance[i]) / count;
    }
    double gradient = clip(2 * (predict(model, row) - target), model->clip_gradient);
    *row->intercept -= model->intercept_lr * gradient;
    for (Py_ssize_t i = 0; i < model->features; i++)
        row->weight[i] -= model->lr * (model->z[i] * gradient);
}

static void push(double *ring, Py_ssize_t length, double newest) {
    if (length == 0)
        return;
    memmove(ring + 1, ring, (size_t)(length - 1) * sizeof *ring);
    ring[0] = newest;
}

static void step(const void *given, double *state, const double *y, double *forecast) {
    const Snarimax *model = given;
    Row row = parts(model, state);
    for (Py_ssize_t i = 0; i < model->features; i++)
        model->x[i] = state[model->inputs[i]];
    double predicted = predict(model, &row);
    *forecast = undo_difference(model, &row, predicted);
    if (*row.seen >= (double)model->hist) { /* before, it is too short to be differenced */
        double target = difference(model, &row, *y);
        learn(model, &row, target);
        push(row.diff, model->diff, target);
        push(row.errors, model->errors, target - predicted);
    }
    push(row.hist, model->hist, *y);
    *row.seen += 1;
}

static int check_layout(const Snarimax *model) {
    int fits = model->hist >= 0 && model->diff >= 0 && model->errors >= 0;
    for (Py_ssize_t i = 0; fits && i < model->features; i++)
        fits = model->inputs[i] >= 0 && model->inputs[i] < width(model);
    for (Py_ssize_t i = 0; fits && i < model->terms; i++)
        fits = model->term_lags[i] >= (i > 0) && model->term_lags[i] <= model->hist;
    if (!fits)
        PyErr_SetString(PyExc_ValueError, "the layout names numbers that a row does not have");
    return fits ? 0 : -1;
}

static PyObject *score_learn(Snarimax *model, const Arrays *arrays, void **at, PyObject *records) {
    model->inputs = at[0], model->lags = at[1], model->term_lags = at[2], model->coefficients = at[3];
    model->features = arrays_items(arrays, 0), model->terms = arrays_items(arrays, 2);
    if (items_check(arrays, 1, model->features, 1) < 0 || items_check(arrays, 3, model->terms, 1) < 0 ||
        check_layout(model) < 0)
        return NULL;
    model->x = PyMem_Calloc((size_t)model->features * 2 + 1, sizeof *model->x);
    if (model->x == NULL)
        return PyErr_NoMemory();
    model->z = model->x + model->features;
    Sizes sizes = {.features = 1, .scores = 1, .width = width(model)};
    PyObject *result = records_score_learn(records, sizes, step, model);
    PyMem_Free(model->x);
    return result;
}

/* snarimax(records, (inputs, lags, term_lags, coefficients), n_hist, n_diff, n_errors, lr, intercept_lr,
 *          clip_gradient, clip_z) */
PyObject *snarimax(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *records, *layout;
    Snarimax model;
    int hist, diff, errors;
    if (!PyArg_ParseTuple(args, "O!O!iiidddd", &PyTuple_Type, &records, &PyTuple_Type, &layout, &hist, &diff,
                          &errors, &model.lr, &model.intercept_lr, &model.clip_gradient, &model.clip_z))
        return NULL;
    model.hist = hist, model.diff = diff, model.errors = errors;
    Arrays arrays;
    void *at[4];
    if (arrays_take(&arrays, layout, "qqqd", at) < 0)
        return NULL;
    PyObject *result = score_learn(&model, &arrays, at, records);
    arrays_release(&arrays);
    return result;
}
