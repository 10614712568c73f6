/* A thread that hears the engine, and what others do meanwhile: waiting SOCKET PRESSES. Prints how long a press took. */
#define _POSIX_C_SOURCE 200809L
#include <poll.h>
#include <pthread.h>

#include "stage.h"

static retrocall_call *call;
static int16_t samples[160];

/* Hears the engine, for as long as there is one: longer than any test runs, if nothing is said. */
static void *hears(void *count)
{
    while (retrocall_wait(engine, 600000) == RETROCALL_ACCEPTED)
        ++*(int *)count;
    return NULL;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void press(int presses)
{
    double *took = (double *)malloc((size_t)presses * sizeof *took);
    for (int i = 0; i < presses; i++) {
        /* Nothing has been said for a while: the thread is in its wait. */
        pause_ms(1);
        double began = seconds();
        EXPECT(i % 2 ? retrocall_unmask(call) : retrocall_mask(call), RETROCALL_ACCEPTED);
        took[i] = seconds() - began;
        EXPECT(look(call).masked, !(i % 2));
    }
    qsort(took, (size_t)presses, sizeof *took, compare);
    printf("%d presses beside a thread that waits: median %.3f ms, p99 %.3f ms, worst %.3f ms\n", presses, 1e3 * took[presses / 2],
           1e3 * took[presses * 99 / 100], 1e3 * took[presses - 1]);
    free(took);
}

static int readable(int timeout_ms)
{
    struct pollfd polled = {retrocall_fd(engine), POLLIN, 0};
    return poll(&polled, 1, timeout_ms);
}

/* What others do is heard, with a descriptor in place of a thread. */
static void told(void)
{
    while (readable(0))
        EXPECT(retrocall_wait(engine, 0), RETROCALL_ACCEPTED);
    static const char *const deeds[] = {"mask", "hold", "object", "unmask", "resume", "record"};
    for (size_t i = 0; i < sizeof deeds / sizeof *deeds; i++) {
        stage(deeds[i], retrocall_id(call));
        EXPECT(readable(60000), 1);
        UNTIL(call, status.masked == (i < 3) && status.on_hold == (i >= 1 && i < 4) && status.objected == (i >= 2));
    }
    UNTIL(call, status.recording);
    /* What a control has heard counts too: the descriptor says so until somebody waits. */
    while (readable(0))
        EXPECT(retrocall_wait(engine, 0), RETROCALL_ACCEPTED);
    EXPECT(retrocall_hold(call), RETROCALL_ACCEPTED);
    EXPECT(readable(0), 1);
    EXPECT(retrocall_wait(engine, 600000), RETROCALL_ACCEPTED);
    EXPECT(readable(0), 0);
    EXPECT(retrocall_resume(call), RETROCALL_ACCEPTED);
    /* A position ten minutes ahead is refused, and told. */
    EXPECT(retrocall_push(call, RETROCALL_AGENT, 4800000, samples, 160), RETROCALL_ACCEPTED);
    UNTIL(call, status.refused[RETROCALL_AGENT] == 1 && status.incomplete);
    EXPECT(strstr(retrocall_error(engine), "position") != NULL, 1);
}

/* Another program makes a call private; the engine is stopped; another one is killed. */
static void ends(const char *socket_path)
{
    retrocall_options options = options_of("bert");
    retrocall_call *quiet;
    EXPECT(retrocall_begin(engine, &options, &quiet), RETROCALL_ACCEPTED);
    stage("private", retrocall_id(quiet));
    UNTIL(quiet, status.private_);
    EXPECT(retrocall_record(quiet), RETROCALL_REFUSED);

    stage("stop", "");
    UNTIL(call, status.ended && status.kept);
    EXPECT(look(call).ended_by, RETROCALL_BY_STOP);
    EXPECT(look(quiet).ended_by, RETROCALL_BY_STOP);
    EXPECT(retrocall_push(call, RETROCALL_AGENT, 0, samples, 160), RETROCALL_GONE);
    printf("%s\n", retrocall_path(call));
    retrocall_free(call);
    retrocall_free(quiet);
    retrocall_close(engine);

    stage("start", "");
    EXPECT(retrocall_connect(socket_path, &engine), RETROCALL_ACCEPTED);
    EXPECT(retrocall_begin(engine, &options, &call), RETROCALL_ACCEPTED);
    EXPECT(retrocall_push(call, RETROCALL_AGENT, 0, samples, 160), RETROCALL_ACCEPTED);
    int count = 0;
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, hears, &count), 0);
    stage("kill", "");
    EXPECT(pthread_join(thread, NULL), 0);
    /* Nobody asked anything of this call: the thread that hears has told it. */
    EXPECT(retrocall_push(call, RETROCALL_AGENT, 160, samples, 160), RETROCALL_GONE);
    EXPECT(look(call).connected || look(call).ended, 0);
    EXPECT(strlen(retrocall_error(engine)) > 10, 1);
    retrocall_free(call);
    retrocall_close(engine);
}

int main(int argc, char **argv)
{
    (void)argc;
    retrocall_options options = options_of("anna");
    EXPECT(retrocall_connect(argv[1], &engine), RETROCALL_ACCEPTED);
    EXPECT(retrocall_begin(engine, &options, &call), RETROCALL_ACCEPTED);
    EXPECT(retrocall_push(call, RETROCALL_AGENT, 0, samples, 160), RETROCALL_ACCEPTED);
    int count = 0;
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, hears, &count), 0);
    press(atoi(argv[2]));
    retrocall_call *first = call;
    stage("stop", "");
    EXPECT(pthread_join(thread, NULL), 0);
    EXPECT(count > 0, 1);
    EXPECT(look(first).ended_by, RETROCALL_BY_STOP);
    /* The customer asks for it while there is no engine: it holds when there is one again. */
    EXPECT(retrocall_private(first), RETROCALL_GONE);
    stage("start", "");
    EXPECT(retrocall_reconnect(first, 60000), RETROCALL_ACCEPTED);
    EXPECT(look(first).private_ && look(first).went_on == 1 && !look(first).ended, 1);
    EXPECT(retrocall_record(first), RETROCALL_REFUSED);
    EXPECT(retrocall_end(first), RETROCALL_ACCEPTED);
    retrocall_free(first);
    retrocall_close(engine);

    EXPECT(retrocall_connect(argv[1], &engine), RETROCALL_ACCEPTED);
    EXPECT(retrocall_begin(engine, &options, &call), RETROCALL_ACCEPTED);
    told();
    ends(argv[1]);
    return 0;
}
