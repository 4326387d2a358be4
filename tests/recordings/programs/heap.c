/* Programs that keep memory in the ways that C programs do: heap NAME MODE WELL_SECONDS.
 *
 * Each does the same work four times a second: a buffer is filled and freed. After WELL_SECONDS the leaking
 * modes begin to keep some, and say so with one line on stdout.
 *
 * linear     a record of every unit of work is never freed
 * staircase  a job every forty-odd seconds leaks its whole result
 * fragments  buffers of one size are filled, then each is cut down to its small result, which stays and keeps
 *            the holes apart. Only a document longer than all before needs this, and such ones come ever more
 *            seldom (Heaps' law), but none of their buffers fits into a hole
 * plateau    the same from the start, with lengths as they come and old results freed: holes are filled again,
 *            and the heap stops growing
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

enum { TICKS_PER_SECOND = 4, STEP_TICKS = 170, WORDS = 100000 };
enum { BATCH = 64, RESULTS = 1250 * BATCH, RESULT_BYTES = 32 };
static const size_t KIB = 1024, MIB = 1024 * 1024;

static void *filled(size_t bytes) {
    void *memory = malloc(bytes);
    if (memory == NULL) exit(0); /* the limit: a real end */
    return memset(memory, 1, bytes);
}

static double chance(void) { return (rand() + 1.0) / (RAND_MAX + 2.0); }

static void cut(void **results, size_t bytes) {
    for (int n = 0; n < BATCH; n++) results[n] = filled(bytes);
    for (int n = 0; n < BATCH; n++) results[n] = realloc(results[n], RESULT_BYTES);
}

static void fragments(void) {
    static char met[WORDS];
    static size_t bytes = 10240;
    void *kept_for_ever[BATCH];
    long word = (long)pow(chance(), -1.0 / 0.67);
    if (word >= WORDS || met[word]) return;
    met[word] = 1;
    cut(kept_for_ever, bytes += 40);
}

static void plateau(void) {
    static void *results[RESULTS];
    static int oldest;
    for (int n = 0; n < BATCH; n++) free(results[oldest + n]);
    cut(results + oldest, (size_t)((8 + 56 * chance()) * KIB));
    oldest = (oldest + BATCH) % RESULTS;
}

static void begun(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%.3f\n", now.tv_sec + now.tv_nsec * 1e-9);
    fflush(stdout);
}

int main(int count, char **words) {
    if (count != 4) return 2;
    const char *mode = words[2];
    long well_ticks = atol(words[3]) * TICKS_PER_SECOND;
    prctl(PR_SET_NAME, words[1]);
    srand(7);
    filled(24 * MIB);
    for (long leaking = -well_ticks;; leaking++) {
        free(filled((size_t)(2 * MIB * chance())));
        if (leaking == 0 && strcmp(mode, "plateau")) begun();
        if (leaking >= 0 && !strcmp(mode, "linear")) filled((size_t)(128 * KIB * chance()));
        if (leaking >= 0 && !strcmp(mode, "staircase") && leaking % STEP_TICKS == 0) filled(11 * MIB);
        if (leaking >= 0 && !strcmp(mode, "fragments")) fragments();
        if (!strcmp(mode, "plateau")) plateau();
        usleep(1000000 / TICKS_PER_SECOND);
    }
}
