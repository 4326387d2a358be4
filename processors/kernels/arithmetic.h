/* Twin of processors/models/arithmetic.py, and numpy's maximum, minimum, clip and sign: a NaN stays NaN. */
#ifndef FLEETLEAK_ARITHMETIC_H
#define FLEETLEAK_ARITHMETIC_H

#include <math.h>

/* Return `v ** 0.5` by pow, which may differ from sqrt in the last bit. A compiler that sees the exponent may
 * replace pow by sqrt. */
static inline double root(double v) {
    volatile double half = 0.5;
    return pow(v, half);
}

/* Return `(x - mean) / variance ** 0.5`, or 0 where the variance is 0. */
static inline double standardise(double x, double mean, double variance) {
    return variance > 0 ? (x - mean) / root(variance) : 0.0;
}

static inline double larger(double a, double b) { return a > b || isnan(a) ? a : b; }

static inline double smaller(double a, double b) { return a < b || isnan(a) ? a : b; }

static inline double clip(double x, double limit) { return x > limit ? limit : x < -limit ? -limit : x; }

static inline double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x == 0 ? 0 : x; }

#endif
