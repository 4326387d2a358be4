/* Twin of processors/evidence/envelope.py, one sample at a time. */
#include "evidence.h"

/* Envelope._rescale */
static void rescale(State *s, int64_t row, int scale) {
    float rings[LEVELS][LENGTH];
    float *columns[] = {s->low, s->at, s->busy};
    int source[LEVELS];
    for (int level = 0; level < LEVELS; level++) {
        int wanted = level + scale - s->scale[row];
        source[level] = wanted < 0 ? 0 : wanted < LEVELS ? wanted : LEVELS - 1;
    }
    for (int column = 0; column < 3; column++) {
        float *here = columns[column] + row * LEVELS * LENGTH;
        for (int level = 0; level < LEVELS; level++)
            memcpy(rings[level], here + source[level] * LENGTH, sizeof rings[level]);
        memcpy(here, rings, sizeof rings);
    }
    int16_t size[LEVELS];
    double open_low[LEVELS], open_at[LEVELS];
    for (int level = 0; level < LEVELS; level++) {
        int64_t from = row * LEVELS + source[level];
        size[level] = s->size[from];
        open_low[level] = s->open_low[from];
        open_at[level] = s->open_at[from];
    }
    memcpy(s->size + row * LEVELS, size, sizeof size);
    memcpy(s->open_low + row * LEVELS, open_low, sizeof open_low);
    memcpy(s->open_at + row * LEVELS, open_at, sizeof open_at);
    for (int level = 0; level < LEVELS; level++)
        s->open_index[row * LEVELS + level] = -1;
    s->scale[row] = (int8_t)scale;
}

/* 4^scale; the width of a bucket is this times FINEST. */
static double four_to(int scale) { return (double)(INT64_C(1) << 2 * scale); }

/* Envelope._fit_scale */
static void fit_scale(State *s, int64_t row, int64_t seen) {
    double finest = s->gap[row] * SLACK / FINEST, now = four_to(s->scale[row]);
    int wanted = 0;
    while (wanted < SCALES - LEVELS && finest >= four_to(wanted + 1))
        wanted++;
    int clear = finest > 8 * now || 2 * finest < now;
    if ((seen <= SETTLED || clear) && wanted != s->scale[row])
        rescale(s, row, wanted);
}

/* Envelope._learn_gap */
static void learn_gap(State *s, const Sample *sample) {
    int64_t row = sample->row, seen = s->seen[row];
    if (seen == 0)
        s->anchor[row] = sample->time;
    double since = seen == 0 ? 1.0 : sample->time - s->last[row];
    double known = seen < 2 ? since : s->gap[row], times = since / known;
    double share = 1.0 / (double)(seen < 1 ? 1 : seen > REVIEW ? REVIEW : seen);
    s->gap[row] = known * pow(smaller(larger(times, 1.0 / MOST_CHANGE), MOST_CHANGE), share);
    s->uneven[row] += (smaller(fabs(times - 1.0), 1.0) - s->uneven[row]) / REVIEW;
    double missing = smaller(larger(rint(times) - 1.0, 0.0), MOST_MISSING);
    s->missing[row] += (missing - s->missing[row]) / LONG_REVIEW;
    s->last[row] = sample->time;
    s->seen[row] = seen + 1;
    if (seen == 1 || seen == SETTLED || (seen > SETTLED && seen % REVIEW == 0))
        fit_scale(s, row, seen);
}

static void shift(float *ring, double newest) {
    memmove(ring + 1, ring, (LENGTH - 1) * sizeof *ring);
    ring[0] = (float)newest;
}

/* Envelope._push; `ring` is the place of a level of a row. */
static void push(State *s, int64_t ring, double low, double at, double busy) {
    shift(s->low + ring * LENGTH, low);
    shift(s->at + ring * LENGTH, at);
    shift(s->busy + ring * LENGTH, busy);
    if (s->size[ring] < LENGTH)
        s->size[ring]++;
}

/* Envelope.add */
unsigned evidence_envelope(State *s, const Sample *sample, double load) {
    learn_gap(s, sample);
    double time = sample->time, value = sample->value, anchor = s->anchor[sample->row];
    int64_t finest = (int64_t)floor_divide(time, FINEST * four_to(s->scale[sample->row]));
    unsigned closed = 0;
    for (int level = 0; level < LEVELS; level++) {
        int64_t ring = sample->row * LEVELS + level, index = finest >> 2 * level, was = s->open_index[ring];
        int fresh = index != was;
        if (level == 0 && fresh)
            push(s, ring, value, time - anchor, load);
        else if (level > 0 && fresh && was >= 0)
            push(s, ring, s->open_low[ring], s->open_at[ring] - anchor,
                 (double)s->open_load[ring] / s->open_count[ring]);
        closed |= (unsigned)(fresh && (level == 0 || was >= 0)) << level;
        if (level == 0 && !fresh && value < s->low[ring * LENGTH])
            s->low[ring * LENGTH] = (float)value; /* the newest bucket is in its ring while it is open */
        if (fresh || value < s->open_low[ring]) {
            s->open_low[ring] = value;
            s->open_at[ring] = time;
        }
        s->open_load[ring] = (float)((fresh ? 0.0 : s->open_load[ring]) + load);
        s->open_count[ring] = (fresh ? 0 : s->open_count[ring]) + 1;
        s->open_index[ring] = index;
    }
    return closed;
}
