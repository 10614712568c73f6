/* What the programs in C have in common: a word to the test that runs them, and a result that must be. */
#ifndef STAGE_H
#define STAGE_H

#if !defined(_POSIX_C_SOURCE) && !defined(_GNU_SOURCE)
#define _POSIX_C_SOURCE 200809L
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "retrocall.h"

static retrocall *engine;

#define EXPECT(call, result)                                                                                  \
    do {                                                                                                      \
        int got = (call);                                                                                     \
        if (got != (result)) {                                                                                \
            fprintf(stderr, "line %d: %s is %d: %s\n", __LINE__, #call, got, retrocall_error(engine));        \
            exit(1);                                                                                          \
        }                                                                                                     \
    } while (0)

/* Lets the test do something, like killing the engine, and goes on when it is done. */
static inline void stage(const char *what, const char *about)
{
    char line[8];
    printf("@%s %s\n", what, about);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        exit(3);
}

static inline retrocall_options options_of(const char *agent)
{
    retrocall_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.agent = agent;
    options.rate = 8000;
    return options;
}

static inline retrocall_status look(const retrocall_call *call)
{
    retrocall_status status;
    status.size = sizeof status;
    EXPECT(retrocall_look(call, &status), RETROCALL_ACCEPTED);
    return status;
}

static inline double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline void pause_ms(long ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

/* Hears the engine until something holds of a call, for a minute at most. */
#define UNTIL(call, what)                                                                                     \
    do {                                                                                                      \
        double until = seconds() + 60;                                                                        \
        retrocall_status status = look(call);                                                                 \
        while (!(what)) {                                                                                     \
            EXPECT(seconds() < until, 1);                                                                     \
            retrocall_wait(engine, 1000);                                                                     \
            status = look(call);                                                                              \
        }                                                                                                     \
    } while (0)

#endif
