/* What the kernels of half-space trees share: the form of `_log` in processors/models/half_space_trees/model.py. */
#ifndef FLEETLEAK_HALF_SPACE_TREES_H
#define FLEETLEAK_HALF_SPACE_TREES_H

#include "records.h"

/* A row has two windows of leaves; `current` says which one grows, and `counter` how many records are in it. */
enum { WINDOWS = 2, MOST_HEIGHT = 15 };

/* Return whether a log has 16 bits for a leaf instead of 8. */
static inline int is_wide_log(int height) { return height > 8; }

/* Return whether a table has 32 bits for a cell instead of 16. */
static inline int is_wide_table(Py_ssize_t window, Py_ssize_t leaves) { return window * (leaves - 1) > UINT16_MAX; }

/* Return where a window of a row begins, in records. */
static inline Py_ssize_t first_record(int64_t row, int window, Py_ssize_t window_size) {
    return (row * WINDOWS + window) * window_size;
}

static inline unsigned leaf_at(const void *log, int wide, Py_ssize_t at) {
    return wide ? ((const uint16_t *)log)[at] : ((const uint8_t *)log)[at];
}

static inline void leaf_set(void *log, int wide, Py_ssize_t at, unsigned leaf) {
    if (wide)
        ((uint16_t *)log)[at] = (uint16_t)leaf;
    else
        ((uint8_t *)log)[at] = (uint8_t)leaf;
}

/* Return 0, or -1 with an exception if the windows of a row have numbers that would lead outside its log. */
int windows_check(const uint8_t *current, const int64_t *counter, Py_ssize_t window_size, const int64_t *rows,
                  Py_ssize_t count);

#endif
