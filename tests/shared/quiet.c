/* A push makes no system call and allocates nothing, whatever comes of it: quiet SOCKET. The thread that pushes has asked the kernel to be killed
 * for any system call but the one that ends it, and counts allocations (linked with --wrap). */
#define _GNU_SOURCE
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stage.h"

enum { LIVE, ENDED, LOST, GOES_ON, CALLS };

static retrocall_call *calls[CALLS];
static int16_t samples[5760];
static atomic_int done, wrong, allocations;
static atomic_int counts;

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *old, size_t bytes);
void __real_free(void *old);
int __real_posix_memalign(void **memory, size_t alignment, size_t bytes);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *old, size_t bytes);
void __wrap_free(void *old);
int __wrap_posix_memalign(void **memory, size_t alignment, size_t bytes);

void *__wrap_malloc(size_t bytes)
{
    atomic_fetch_add(&allocations, atomic_load(&counts));
    return __real_malloc(bytes);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    atomic_fetch_add(&allocations, atomic_load(&counts));
    return __real_calloc(count, bytes);
}

void *__wrap_realloc(void *old, size_t bytes)
{
    atomic_fetch_add(&allocations, atomic_load(&counts));
    return __real_realloc(old, bytes);
}

void __wrap_free(void *old)
{
    atomic_fetch_add(&allocations, atomic_load(&counts));
    __real_free(old);
}

int __wrap_posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    atomic_fetch_add(&allocations, atomic_load(&counts));
    return __real_posix_memalign(memory, alignment, bytes);
}

static void pushes(retrocall_call *call, int leg, uint64_t position, size_t count, int result)
{
    if (retrocall_push(call, leg, position, samples, count) != result)
        atomic_fetch_add(&wrong, 1);
}

static void *callback(void *nothing)
{
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
    atomic_store(&counts, 1);
    uint64_t at = 0;
    /* The engine is stopped: half a second fits, or a little more. */
    while (at < 4000) {
        pushes(calls[LIVE], RETROCALL_AGENT, at, 160, RETROCALL_ACCEPTED);
        pushes(calls[LIVE], RETROCALL_CUSTOMER, at, 160, RETROCALL_ACCEPTED);
        pushes(calls[GOES_ON], RETROCALL_AGENT, 1600 + at, 160, RETROCALL_ACCEPTED);
        at += 160;
    }
    while (retrocall_push(calls[LIVE], RETROCALL_AGENT, at, samples, 160) == RETROCALL_ACCEPTED)
        at += 160;
    for (int i = 0; i < 1000; i++)
        pushes(calls[LIVE], RETROCALL_AGENT, at + 160 * (uint64_t)i, 160, RETROCALL_FULL);
    pushes(calls[ENDED], RETROCALL_AGENT, 0, 160, RETROCALL_GONE);
    pushes(calls[LOST], RETROCALL_AGENT, 0, 160, RETROCALL_GONE);
    pushes(calls[LIVE], 7, 0, 160, RETROCALL_WRONG);
    pushes(NULL, 0, 0, 160, RETROCALL_WRONG);
    pushes(calls[LIVE], 0, UINT64_MAX, 160, RETROCALL_WRONG);
    atomic_store(&counts, 0);
    atomic_store(&done, 1);
    syscall(SYS_exit, 0);
    return nothing;
}

int main(int argc, char **argv)
{
    (void)argc;
    retrocall_options options = options_of("anna");
    retrocall *other;
    EXPECT(retrocall_connect(argv[1], &engine), RETROCALL_ACCEPTED);
    EXPECT(retrocall_connect(argv[1], &other), RETROCALL_ACCEPTED);
    EXPECT(retrocall_begin(engine, &options, &calls[LOST]), RETROCALL_ACCEPTED);
    EXPECT(retrocall_begin(other, &options, &calls[GOES_ON]), RETROCALL_ACCEPTED);
    EXPECT(retrocall_push(calls[GOES_ON], RETROCALL_AGENT, 0, samples, 1600 / 2), RETROCALL_ACCEPTED);
    stage("kill", "");
    stage("start", "");
    EXPECT(look(calls[LOST]).connected, 0);
    EXPECT(look(calls[GOES_ON]).connected, 0);
    EXPECT(retrocall_push(calls[GOES_ON], RETROCALL_AGENT, 800, samples, 800), RETROCALL_GONE);
    /* Its memory is another one by now, which the thread that pushes takes over. */
    EXPECT(retrocall_reconnect(calls[GOES_ON], 60000), RETROCALL_ACCEPTED);
    EXPECT(look(calls[GOES_ON]).began == 1600, 1);
    EXPECT(retrocall_begin(other, &options, &calls[LIVE]), RETROCALL_ACCEPTED);
    EXPECT(retrocall_begin(other, &options, &calls[ENDED]), RETROCALL_ACCEPTED);
    EXPECT(retrocall_end(calls[ENDED]), RETROCALL_ACCEPTED);
    stage("freeze", "");
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, callback, NULL), 0);
    double until = seconds() + 60;
    while (!atomic_load(&done)) {
        if (seconds() > until) {
            fprintf(stderr, "the thread that pushes was killed: it made a system call\n");
            _exit(1);
        }
        pause_ms(10);
    }
    EXPECT(atomic_load(&wrong), 0);
    EXPECT(atomic_load(&allocations), 0);
    stage("thaw", "");
    EXPECT(look(calls[GOES_ON]).dropped[RETROCALL_AGENT] == 0, 1);
    EXPECT(retrocall_end(calls[LIVE]), RETROCALL_ACCEPTED);
    for (int i = 0; i < CALLS; i++)
        retrocall_free(calls[i]);
    retrocall_close(other);
    retrocall_close(engine);
    return 0;
}
