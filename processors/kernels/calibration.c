/* Twin of processors/calibration/model.py. */
#include "arithmetic.h"
#include "kernels.h"
#include "records.h"

enum { N, MEDIAN, SPREAD, THRESHOLD, N_EXCESSES, MEAN, SQUARE, WIDTH };

/* As in the twin, where they are explained. */
static const double PRIOR_SHAPE = 0.0, PRIOR_EXCESSES = 20.0, LARGEST_EXCESS = 10.0, LARGEST_DEVIATION = 5.0;
static const double RECENT = 0.3, LARGEST_SHAPE = 0.9, FLAT = 1e-6;

typedef struct {
    double level, warm_up, memory, resolution;
} Calibration;

static double body(const Calibration *model, const double *state, double raw) {
    double distance = (raw - state[MEDIAN]) / larger(state[THRESHOLD] - state[MEDIAN], model->resolution);
    double half = 0.5 * pow(2 * model->level, smaller(fabs(distance), 1e3));
    return distance > 0 ? larger(half, model->level) : 1 - half;
}

static double tail(const Calibration *model, const double *state, double excess) {
    double n_excesses = state[N_EXCESSES], mean = state[MEAN], variance = state[SQUARE] - mean * mean;
    double shape = variance > 0 ? 0.5 * (1 - mean * mean / variance) : 0.0;
    shape = clip(shape, LARGEST_SHAPE);
    shape = (n_excesses * shape + PRIOR_EXCESSES * PRIOR_SHAPE) / (n_excesses + PRIOR_EXCESSES);
    if (fabs(shape) < FLAT)
        shape = FLAT;
    double scale = larger(mean, model->resolution) * (1 - shape);
    double inner = larger(1 + shape * excess / scale, 1e-300);
    return model->level * pow(inner, -1 / shape);
}

/* `mean` is the mean excess before the record. */
static void learn_body(const Calibration *model, double *state, double raw, double mean) {
    double n = state[N], after = n + 1, spread = state[SPREAD], threshold = state[THRESHOLD];
    double deviation = raw - state[MEDIAN];
    double limit = n < 20 ? INFINITY : LARGEST_DEVIATION * spread + model->resolution;
    state[N] = after;
    if (n == 0) {
        state[MEDIAN] = state[THRESHOLD] = raw;
        state[SPREAD] = 0.0;
        return;
    }
    spread += larger(1 / after, 1 / model->memory) * (smaller(fabs(deviation), limit) - spread);
    double step = larger(1 / sqrt(after), 5 / model->memory) * larger(mean, 0.2 * spread);
    state[MEDIAN] += larger(1.5 / after, 2 / model->memory) * spread * sign(deviation);
    state[SPREAD] = spread;
    state[THRESHOLD] = threshold + step * (raw > threshold ? 1 - model->level : -model->level);
}

static void learn_tail(const Calibration *model, double *state, double excess) {
    double n_excesses = state[N_EXCESSES], mean = state[MEAN], square = state[SQUARE];
    double learned = n_excesses < 5 ? excess : smaller(excess, LARGEST_EXCESS * mean);
    double recent = RECENT * model->level * (state[N] + 1) + 10;
    double after = smaller(n_excesses + 1, smaller(model->memory, recent));
    state[N_EXCESSES] = after;
    state[MEAN] = mean + (learned - mean) / after;
    state[SQUARE] = square + (learned * learned - square) / after;
}

static double probability(const Calibration *model, const double *state, double raw, double excess) {
    double n = state[N];
    if (n < model->warm_up)
        return NAN;
    double p = excess > 0 ? tail(model, state, excess) : body(model, state, raw);
    return larger(p, 1.0 / (smaller(n, model->memory / model->level) + 1.0));
}

static void step(const void *given, double *state, const double *raw, double *p) {
    const Calibration *model = given;
    double excess = *raw - state[THRESHOLD] - model->resolution, mean = state[MEAN];
    *p = probability(model, state, *raw, excess);
    if (excess > 0 && state[N] >= 10)
        learn_tail(model, state, excess);
    learn_body(model, state, *raw, mean);
}

/* calibration(records, level, warm_up, memory, resolution) */
PyObject *calibration(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *records;
    Calibration model;
    if (!PyArg_ParseTuple(args, "O!dddd", &PyTuple_Type, &records, &model.level, &model.warm_up,
                          &model.memory, &model.resolution))
        return NULL;
    return records_score_learn(records, (Sizes){.features = 1, .scores = 1, .width = WIDTH}, step, &model);
}
