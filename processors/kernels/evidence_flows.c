/* Twin of processors/evidence/features.py, one sample at a time. */
#include "evidence.h"

/* Places in a row of numbers; the first five have one number per time scale. */
enum { UP = 0, DOWN = 4, MEAN = 8, VARIANCE = 12, NEXT = 16, TAUS = 4 };
enum { VALUE = 20, FALLS, FALL_LEVEL, FAULTS, FAULT_VARIANCE, TAKEN_VARIANCE, FAULT_TAKEN, SWAP, SWAP_RATE };

/* Flows._flows, at one time scale. */
static void flow(const double *old, double *out, double share, double rate, double value, int scale) {
    const double *at = old + scale;
    double off = value - at[MEAN], before = old[VALUE] - at[MEAN];
    out[UP + scale] = at[UP] + share * (larger(rate, 0.0) - at[UP]);
    out[DOWN + scale] = at[DOWN] + share * (larger(-rate, 0.0) - at[DOWN]);
    out[MEAN + scale] = at[MEAN] + share * off;
    out[VARIANCE + scale] = (1.0 - share) * (at[VARIANCE] + share * off * off);
    out[NEXT + scale] = (1.0 - share) * (at[NEXT] + share * off * before);
}

/* Flows._falls */
static void falls(const double *old, double *out, double share, double value, double limit) {
    double spread = sqrt(larger(old[VARIANCE + HOURS], 0.0));
    int fell = old[VALUE] - value > larger(LEAST_FALL * limit, CLEAR_FALL * spread);
    double off = fell - old[FALLS], level = (fell ? old[VALUE] : value) - old[MEAN + DAY];
    out[FALLS] = old[FALLS] + share * off;
    out[FALL_LEVEL] = (1.0 - share) * (old[FALL_LEVEL] + share * off * level);
}

/* Flows._faults */
static void page_faults(const double *old, double *out, double share, double taken, double faults) {
    int known = isfinite(faults);
    double off = (known ? faults : 0.0) - old[FAULTS], more = taken - old[UP + HOURS];
    if (!known)
        share = 0.0;
    out[FAULTS] = old[FAULTS] + share * off;
    out[FAULT_VARIANCE] = (1.0 - share) * (old[FAULT_VARIANCE] + share * (off * off));
    out[TAKEN_VARIANCE] = (1.0 - share) * (old[TAKEN_VARIANCE] + share * (more * more));
    out[FAULT_TAKEN] = (1.0 - share) * (old[FAULT_TAKEN] + share * (off * more));
}

/* Flows.add */
void evidence_flows(State *s, const Sample *sample, double since, double faults, double swap, float *kept) {
    float *numbers = s->numbers + sample->row * NUMBERS;
    double old[NUMBERS] = {0}, out[NUMBERS], share[TAUS], value = sample->value;
    int new = isnan(numbers[VALUE]);
    for (int i = 0; i < NUMBERS && !new; i++)
        old[i] = numbers[i];
    if (new) {
        for (int i = 0; i < TAUS; i++)
            old[MEAN + i] = value;
        old[VALUE] = value;
        old[SWAP] = swap;
    }
    double gap = new ? 1.0 : larger(since, LEAST_GAP), rate = (value - old[VALUE]) / gap;
    for (int i = 0; i < TAUS; i++) {
        share[i] = gap / (gap + TIME_SCALES[i]);
        flow(old, out, share[i], rate, value, i);
    }
    falls(old, out, share[DAY], value, sample->limit);
    page_faults(old, out, share[HOURS], larger(rate, 0.0), faults);
    out[VALUE] = value;
    out[SWAP] = swap;
    out[SWAP_RATE] = old[SWAP_RATE] + share[HOURS] * ((swap - old[SWAP]) / gap - old[SWAP_RATE]);
    for (int i = 0; i < NUMBERS; i++)
        kept[i] = numbers[i] = (float)out[i];
}
