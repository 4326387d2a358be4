/* What the files of the kernel `evidence` share: the constants of their twins in processors/evidence/ (a test
 * compares them), and the arrays. */
#ifndef FLEETLEAK_EVIDENCE_H
#define FLEETLEAK_EVIDENCE_H

#include "arithmetic.h"
#include "kernels.h"
#include "records.h"

/* envelope.py */
enum { LEVELS = 6, LENGTH = 64, SCALES = 16, SETTLED = 8, REVIEW = 16, LONG_REVIEW = 256 };
static const double FINEST = 0.9375, SLACK = 1.02, MOST_CHANGE = 2.0, MOST_MISSING = 64.0;
/* normal_rise.py */
static const double FADE = 0.9986471128909702, TURN = 0.5;
/* rings.py */
enum { AS_STORED = -2, NOTHING = -1 };
static const double UNUSUAL = 1.5;
/* confidence.py */
static const double LEAST_RISE = 0.004;
/* trend.py */
enum { SHORTEST = 5, NEWEST = 4 };
/* restarts.py */
static const double RESTART_FALL = 0.5, RESTART_LEAST = 0.02;
/* limits.py */
static const double MEMORY_SECONDS = 2592000.0;
/* season.py */
enum { DAY_SLOTS = 8, SLOTS = 56, WRAP = 32768 };
static const double SLOT = 10800.0;
/* features.py */
enum { NUMBERS = 29, HOURS = 1, DAY = 2 };
static const double TIME_SCALES[] = {600.0, 7200.0, 86400.0, 604800.0};
static const double LEAST_FALL = 0.002, CLEAR_FALL = 2.0, LEAST_GAP = 1e-3;
/* baseline.py */
enum { BASELINE = 3 };
static const double STEADY = 0.1, MERGED = 300.0, GAPS = 3.0;

/* The arrays, in the order of compiled_walk.py: type, name, and items per sample, row or ring. */
#define STEPS(COLUMN) \
    COLUMN(int64_t, rows, 1) \
    COLUMN(int64_t, before, 1) \
    COLUMN(double, time, 1) \
    COLUMN(double, memory, 1) \
    COLUMN(double, limit, 1) \
    COLUMN(double, load, 1) \
    COLUMN(double, faults, 1) \
    COLUMN(double, swap, 1) \
    COLUMN(char, restarted, 1) \
    COLUMN(char, timed, 1) \
    COLUMN(char, usable, 1)
#define STATE(COLUMN) \
    COLUMN(float, low, LEVELS * LENGTH) \
    COLUMN(float, at, LEVELS * LENGTH) \
    COLUMN(float, busy, LEVELS * LENGTH) \
    COLUMN(int16_t, size, LEVELS) \
    COLUMN(double, open_low, LEVELS) \
    COLUMN(double, open_at, LEVELS) \
    COLUMN(float, open_load, LEVELS) \
    COLUMN(int32_t, open_count, LEVELS) \
    COLUMN(int64_t, open_index, LEVELS) \
    COLUMN(int8_t, scale, 1) \
    COLUMN(double, gap, 1) \
    COLUMN(double, uneven, 1) \
    COLUMN(double, missing, 1) \
    COLUMN(double, last, 1) \
    COLUMN(int64_t, seen, 1) \
    COLUMN(double, anchor, 1) \
    COLUMN(float, trough, LEVELS) \
    COLUMN(float, peak, LEVELS) \
    COLUMN(float, lowest, LEVELS) \
    COLUMN(float, usual, LEVELS) \
    COLUMN(double, floor, 1) \
    COLUMN(float, season_low, SLOTS) \
    COLUMN(int16_t, season_number, SLOTS) \
    COLUMN(float, numbers, NUMBERS) \
    COLUMN(double, stretch, STRETCH) \
    COLUMN(double, longest, BASELINE) \
    COLUMN(double, limit, 1) \
    COLUMN(double, limit_before, 1) \
    COLUMN(double, limit_raised, 1)
#define MOMENT(COLUMN) \
    COLUMN(int32_t, ring, LEVELS) \
    COLUMN(double, height, LEVELS) \
    COLUMN(int64_t, scale, 1) \
    COLUMN(double, anchor, 1) \
    COLUMN(double, gap, 1) \
    COLUMN(double, missing, 1) \
    COLUMN(double, uneven, 1) \
    COLUMN(double, before, PERIODS) \
    COLUMN(float, flows, NUMBERS) \
    COLUMN(double, baseline, BASELINE) \
    COLUMN(char, restarted, 1) \
    COLUMN(char, taken, 1) \
    COLUMN(double, limit_before, 1) \
    COLUMN(double, limit_raised, 1)
#define RINGS(COLUMN) \
    COLUMN(float, low, LENGTH) \
    COLUMN(float, at, LENGTH) \
    COLUMN(float, busy, LENGTH) \
    COLUMN(int16_t, size, 1) \
    COLUMN(float, usual, 1) \
    COLUMN(double, limit, 1)

enum { STRETCH = 4 }; /* numbers of a stretch (baseline.py) */
enum { PERIODS = 2 }; /* a day and a week before (season.py) */

#define POINTER(type, name, items) type *name;
typedef struct { STEPS(POINTER) } Steps;
typedef struct { STATE(POINTER) } State;
typedef struct { MOMENT(POINTER) } Moment;
typedef struct { RINGS(POINTER) } Rings;

typedef struct {
    int64_t row;
    double time, value, limit;
} Sample;

/* numpy's floor_divide; exact while a / b is below 2^48. */
static inline double floor_divide(double a, double b) {
    double quotient = floor(a / b);
    return quotient * b > a ? quotient - 1.0 : quotient;
}

static inline int64_t modulo(int64_t a, int64_t b) { return (a % b + b) % b; }

/* Envelope.add: return the levels where a bucket closed, one bit each (evidence_envelope.c). */
unsigned evidence_envelope(State *s, const Sample *sample, double load);

/* Flows.add: `kept` gets the numbers (evidence_flows.c). */
void evidence_flows(State *s, const Sample *sample, double since, double faults, double swap, float *kept);

#endif
