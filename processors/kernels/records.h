/* What the kernels of models share: a batch of records, each scored and learned by its row of state. */
#ifndef FLEETLEAK_RECORDS_H
#define FLEETLEAK_RECORDS_H

#include "arrays.h"

/* Sizes of a model: columns of `x`, scores per record, state numbers per row. */
typedef struct {
    Py_ssize_t features, scores, width;
} Sizes;

/* Write the scores of one record by `state`, then learn the record into `state`. */
typedef void Step(const void *model, double *state, const double *x, double *scores);

/* Score and learn a batch in order. `tuple` is (rows, x, usable, learn, fresh, > state, scores, before,
 * after).
 *
 * The row of a `fresh` record is made new just before it. A record that is not `usable` changes neither its
 * scores nor its row. One that may not `learn` does not change its row. `before` and `after` get the row of
 * each record before and after it; they are not filled if their length is 0.
 * Return None, or NULL with an exception if the arrays do not fit. */
PyObject *records_score_learn(PyObject *tuple, Sizes sizes, Step *step, const void *model);

/* Return 0, or -1 with an exception if an array has not `count` times `each` items; `each` is at least 1. */
int items_check(const Arrays *arrays, int index, Py_ssize_t count, Py_ssize_t each);

#endif
