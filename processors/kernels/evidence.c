/* Twin of processors/evidence/walk.py: each sample, in order, changes the state of its instance. It goes
 * record by record, so a batch needs no rounds. The files named here are in processors/evidence/. */
#include "evidence.h"

typedef struct {
    Steps steps;
    State state;
    Moment moment;
    Rings rings;
    Py_ssize_t known, count; /* rings of the batch before these, and rings of these */
} Walk;

/* Restarts.add (restarts.py) */
static int restarts(State *s, const Sample *sample, int told, int timed) {
    double *floor = &s->floor[sample->row];
    double least = RESTART_FALL * *floor - RESTART_LEAST * sample->limit;
    int restarted = told || (!timed && isfinite(*floor) && sample->value < least);
    *floor = smaller(restarted ? INFINITY : *floor, sample->value);
    return restarted;
}

/* _restart (walk.py) */
static void restart(State *s, const Sample *sample, int32_t *ring) {
    int64_t row = sample->row;
    for (int64_t level = row * LEVELS; level < (row + 1) * LEVELS; level++) {
        s->size[level] = 0;
        s->open_index[level] = -1;
        s->trough[level] = INFINITY;
        s->peak[level] = -INFINITY;
        s->lowest[level] = INFINITY;
    }
    s->anchor[row] = sample->time;
    for (int i = 0; i < NUMBERS; i++)
        s->numbers[row * NUMBERS + i] = NAN;
    for (int i = 0; i < STRETCH; i++)
        s->stretch[row * STRETCH + i] = NAN;
    for (int i = 0; i < BASELINE; i++)
        s->longest[row * BASELINE + i] = NAN;
    s->limit[row] = s->limit_before[row] = NAN;
    s->limit_raised[row] = -INFINITY;
    for (int level = 0; level < LEVELS; level++)
        ring[level] = NOTHING;
}

/* Limits.add (limits.py) */
static void limits(State *s, const Sample *sample, double *held_before, double *held_raised) {
    double *before = &s->limit_before[sample->row], *raised = &s->limit_raised[sample->row];
    if (sample->limit <= *before || sample->time - *raised > MEMORY_SECONDS)
        *raised = -INFINITY;
    if (sample->limit > s->limit[sample->row] && isinf(*raised)) {
        *before = s->limit[sample->row];
        *raised = sample->time;
    }
    s->limit[sample->row] = sample->limit;
    *held_before = *before;
    *held_raised = *raised;
}

/* Season.add (season.py) */
static void season(State *s, const Sample *sample, double *before) {
    static const int BACK[PERIODS] = {DAY_SLOTS, SLOTS - 1};
    float *low = s->season_low + sample->row * SLOTS;
    int16_t *number = s->season_number + sample->row * SLOTS;
    int64_t now = (int64_t)floor_divide(sample->time, SLOT);
    for (int i = 0; i < PERIODS; i++) {
        int64_t slot = modulo(now - BACK[i], SLOTS);
        before[i] = number[slot] == modulo(now - BACK[i], WRAP) ? low[slot] : -INFINITY;
    }
    int64_t slot = modulo(now, SLOTS), wrapped = modulo(now, WRAP);
    low[slot] = (float)(number[slot] == wrapped ? smaller(low[slot], sample->value) : sample->value);
    number[slot] = (int16_t)wrapped;
}

enum { BEGIN, COUNT, MEAN, SQUARES };

/* Baselines.add (baseline.py) */
static void baseline(State *s, const Sample *sample, double since, double *best) {
    double *stretch = s->stretch + sample->row * STRETCH, *longest = s->longest + sample->row * BASELINE;
    double time = sample->time, value = sample->value, off = value - stretch[MEAN];
    stretch[COUNT] += 1.0;
    stretch[MEAN] += off / stretch[COUNT];
    stretch[SQUARES] += off * (value - stretch[MEAN]);
    double spread = STEADY * stretch[MEAN];
    int steady = stretch[SQUARES] / stretch[COUNT] < spread * spread;
    if (!(steady && since <= larger(MERGED, GAPS * s->gap[sample->row]))) {
        double begun[STRETCH] = {time, 1.0, value, 0.0};
        memcpy(stretch, begun, sizeof begun);
    }
    if (!(time - stretch[BEGIN] <= longest[1] - longest[0])) {
        double now[BASELINE] = {stretch[BEGIN], time, stretch[MEAN]};
        memcpy(longest, now, sizeof now);
    }
    memcpy(best, longest, BASELINE * sizeof *best);
}

/* Excursions.add (normal_rise.py); `ring` is the place of a level of a row. Return the height. */
static double excursion(State *s, int64_t ring, float value) {
    float trough = s->trough[ring], peak = s->peak[ring], low = s->lowest[ring], turn = (float)TURN;
    int top = value > peak;
    low = top || value < low ? value : low;
    peak = top ? value : peak;
    trough = value < trough ? value : trough;
    float fall = peak - low, rise = peak - trough;
    int over = value - low >= turn * fall && fall >= turn * rise && fall > 0;
    s->trough[ring] = over ? low : trough;
    s->peak[ring] = over ? value : peak;
    s->lowest[ring] = over ? value : low;
    double height = rise < fall ? rise : fall;
    s->usual[ring] = (float)larger(height, s->usual[ring] * (float)FADE);
    return height;
}

/* trend.most (trend.py) */
static float most(const float *low, int size) {
    float lowest = INFINITY, highest = -INFINITY;
    if (size < SHORTEST)
        return 0.0F;
    for (int i = 0; i < size && i < LENGTH; i++)
        lowest = low[i] < lowest ? low[i] : lowest;
    for (int i = 0; i < NEWEST; i++)
        highest = low[i] > highest ? low[i] : highest;
    return highest - lowest;
}

/* rings.worth (rings.py) */
static int worth(const State *s, int64_t ring, double limit) {
    double least = larger((float)UNUSUAL * s->usual[ring], LEAST_RISE * limit);
    return most(s->low + ring * LENGTH, s->size[ring]) > least;
}

static void copy_ring(const State *s, int64_t ring, double limit, const Rings *to, Py_ssize_t place) {
    memcpy(to->low + place * LENGTH, s->low + ring * LENGTH, LENGTH * sizeof *s->low);
    memcpy(to->at + place * LENGTH, s->at + ring * LENGTH, LENGTH * sizeof *s->at);
    memcpy(to->busy + place * LENGTH, s->busy + ring * LENGTH, LENGTH * sizeof *s->busy);
    to->size[place] = s->size[ring];
    to->usual[place] = s->usual[ring];
    to->limit[place] = limit;
}

/* _refit (walk.py) */
static void refit(Walk *walk, const Sample *sample, unsigned closed, Py_ssize_t i) {
    State *s = &walk->state;
    for (int level = 0; level < LEVELS; level++) {
        if (!(closed >> level & 1))
            continue;
        int64_t ring = sample->row * LEVELS + level;
        walk->moment.height[i * LEVELS + level] = excursion(s, ring, s->low[ring * LENGTH]);
        int32_t which = NOTHING;
        if (worth(s, ring, sample->limit)) {
            which = (int32_t)(walk->known + walk->count);
            copy_ring(s, ring, sample->limit, &walk->rings, walk->count++);
        }
        walk->moment.ring[i * LEVELS + level] = which;
    }
}

/* _take (walk.py) */
static void take(Walk *walk, Py_ssize_t i) {
    const Steps *steps = &walk->steps;
    const Moment *moment = &walk->moment;
    State *s = &walk->state;
    Sample sample = {steps->rows[i], steps->time[i], steps->memory[i], steps->limit[i]};
    moment->taken[i] = 1;
    moment->restarted[i] = (char)restarts(s, &sample, steps->restarted[i], steps->timed[i]);
    if (moment->restarted[i])
        restart(s, &sample, moment->ring + i * LEVELS);
    limits(s, &sample, moment->limit_before + i, moment->limit_raised + i);
    season(s, &sample, moment->before + i * PERIODS);
    double since = sample.time - s->last[sample.row];
    unsigned closed = evidence_envelope(s, &sample, steps->load[i]);
    evidence_flows(s, &sample, since, steps->faults[i], steps->swap[i], moment->flows + i * NUMBERS);
    baseline(s, &sample, since, moment->baseline + i * BASELINE);
    refit(walk, &sample, closed, i);
}

/* _carry (walk.py) */
static void carry(const Walk *walk, Py_ssize_t i) {
    int64_t before = walk->steps.before[i];
    if (before >= 0 && before < i)
        memcpy(walk->moment.ring + i * LEVELS, walk->moment.ring + before * LEVELS, LEVELS * sizeof(int32_t));
}

/* _look (walk.py) */
static void look(const Walk *walk, Py_ssize_t i) {
    const State *s = &walk->state;
    const Moment *moment = &walk->moment;
    int64_t row = walk->steps.rows[i];
    moment->scale[i] = s->scale[row];
    moment->anchor[i] = s->anchor[row];
    moment->gap[i] = s->gap[row];
    moment->missing[i] = s->missing[row];
    moment->uneven[i] = s->uneven[row];
}

enum { AHEAD = 8 }; /* samples */

/* Ask the processor for the state of a row that comes soon. With many rows, most of the time goes into
 * waiting for memory; so it waits for several rows at once. */
static void prefetch(const State *s, int64_t row) {
    __builtin_prefetch(s->low + row * LEVELS * LENGTH);
    __builtin_prefetch(s->at + row * LEVELS * LENGTH);
    __builtin_prefetch(s->busy + row * LEVELS * LENGTH);
    __builtin_prefetch(s->numbers + row * NUMBERS);
    __builtin_prefetch(s->open_low + row * LEVELS);
    __builtin_prefetch(s->open_index + row * LEVELS);
    __builtin_prefetch(s->last + row);
    __builtin_prefetch(s->season_number + row * SLOTS);
}

/* walk (walk.py), from sample `begin` on, while there is space for the rings of one more sample. Return where
 * it ended. */
static Py_ssize_t run(Walk *walk, Py_ssize_t begin, Py_ssize_t size, Py_ssize_t space) {
    const Steps *steps = &walk->steps;
    Py_ssize_t i = begin;
    for (; i < size && walk->count + LEVELS <= space; i++) {
        if (i + AHEAD < size)
            prefetch(&walk->state, steps->rows[i + AHEAD]);
        carry(walk, i);
        int newer = !(steps->time[i] <= walk->state.last[steps->rows[i]]);
        if (steps->usable[i] && newer)
            take(walk, i);
        look(walk, i);
    }
    return i;
}

#define ASSIGN(type, name, items) columns->name = *(*at)++;
#define ONE(type, name, items) +1
#define ITEMS(type, name, items) items,
#define LETTER(type, name, items) LETTER_##type
#define LETTER_double "d"
#define LETTER_float "f"
#define LETTER_int64_t "q"
#define LETTER_int32_t "i"
#define LETTER_int16_t "h"
#define LETTER_int8_t "b"
#define LETTER_char "?"

enum { STEP_COLUMNS = STEPS(ONE), ROW_COLUMNS = STATE(ONE) };
enum { MOMENT_COLUMNS = MOMENT(ONE), RING_COLUMNS = RINGS(ONE) };
enum { COLUMNS = STEP_COLUMNS + ROW_COLUMNS + MOMENT_COLUMNS + RING_COLUMNS };
_Static_assert((int)COLUMNS <= (int)MOST_ARRAYS, "more arrays than Arrays holds");
static const char TYPES[] = STEPS(LETTER) ">" STATE(LETTER) MOMENT(LETTER) RINGS(LETTER);
static const int PER_STEP[] = {STEPS(ITEMS)}, PER_ROW[] = {STATE(ITEMS)};
static const int PER_MOMENT[] = {MOMENT(ITEMS)}, PER_RING[] = {RINGS(ITEMS)};

static void assign_steps(Steps *columns, void ***at) { STEPS(ASSIGN) }
static void assign_state(State *columns, void ***at) { STATE(ASSIGN) }
static void assign_moment(Moment *columns, void ***at) { MOMENT(ASSIGN) }
static void assign_rings(Rings *columns, void ***at) { RINGS(ASSIGN) }

/* Check that the arrays from `first` on have their items for each of `count`. Return 0, or -1 with an
 * exception. */
static int check(const Arrays *arrays, int first, int columns, const int *items, Py_ssize_t count) {
    for (int i = 0; i < columns; i++)
        if (items_check(arrays, first + i, count, items[i]) < 0)
            return -1;
    return 0;
}

/* evidence((steps > state, moment, rings), begin, known): walk from sample `begin` on, after `known` rings of
 * the same batch. Return where it ended, and how many rings it took. It ends early where there is no
 * more space for rings. */
PyObject *evidence(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *tuple, *result = NULL;
    Walk walk = {0};
    Py_ssize_t begin;
    if (!PyArg_ParseTuple(args, "O!nn", &PyTuple_Type, &tuple, &begin, &walk.known))
        return NULL;
    Arrays arrays;
    void *columns[COLUMNS], **at = columns;
    if (arrays_take(&arrays, tuple, TYPES, columns) < 0)
        return NULL;
    assign_steps(&walk.steps, &at);
    assign_state(&walk.state, &at);
    assign_moment(&walk.moment, &at);
    assign_rings(&walk.rings, &at);
    int state = STEP_COLUMNS, moment = state + ROW_COLUMNS, rings = moment + MOMENT_COLUMNS;
    Py_ssize_t size = arrays_items(&arrays, 0), rows = arrays_items(&arrays, state) / PER_ROW[0];
    Py_ssize_t space = arrays_items(&arrays, rings) / PER_RING[0];
    if (begin < 0)
        PyErr_SetString(PyExc_ValueError, "a walk begins at a sample");
    else if (check(&arrays, 0, STEP_COLUMNS, PER_STEP, size) == 0 &&
             check(&arrays, state, ROW_COLUMNS, PER_ROW, rows) == 0 &&
             check(&arrays, moment, MOMENT_COLUMNS, PER_MOMENT, size) == 0 &&
             check(&arrays, rings, RING_COLUMNS, PER_RING, space) == 0 &&
             rows_check(walk.steps.rows, size, rows) == 0) {
        Py_ssize_t end = run(&walk, begin, size, space);
        result = Py_BuildValue("nn", end, walk.count);
    }
    arrays_release(&arrays);
    return result;
}
