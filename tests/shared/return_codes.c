/* What comes of each function, row by row of the table in retrocall.h: return_codes SOCKET. Prints each row that is as it should be. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stage.h"

/* One row of the table; AND is another case of the row before. */
#define ROW(function, what, result, call) (printf("| %s | %s | %s |\n", function, what, #result), AND(result, call))
#define AND(result, call) expect(__LINE__, #call, RETROCALL_##result, (call))

static void expect(int line, const char *call, int result, int got)
{
    if (got != result) {
        fprintf(stderr, "line %d: %s is %d: %s\n", line, call, got, retrocall_error(engine));
        exit(1);
    }
}

#define CALLS_MAX 64
#define BEGIN "retrocall_begin"
#define ATTACH "retrocall_attach"
#define RECONNECT "retrocall_reconnect"
#define PUSH "retrocall_push"
#define CONTROL "a control"

typedef retrocall_result control(retrocall_call *);

static retrocall_result erase(retrocall_call *call) { return retrocall_erase_last(call, 0.01); }
static retrocall_result transfer(retrocall_call *call) { return retrocall_transfer(call, "bert"); }
static retrocall_result dtmf(retrocall_call *call) { return retrocall_dtmf(call, '5'); }
static retrocall_result dtmf_on(retrocall_call *call) { return retrocall_dtmf_on(call, '5', RETROCALL_CUSTOMER); }

static control *const controls[] = {retrocall_mask, retrocall_unmask, retrocall_hold, retrocall_resume, dtmf, erase, transfer,
                                    retrocall_object, retrocall_record, retrocall_copy, dtmf_on, retrocall_private};
static const size_t controls_len = sizeof controls / sizeof *controls;

static const char *socket_path;
static int16_t samples[5761];
static retrocall_call *call;

static int begins(retrocall_options options)
{
    retrocall_call *begun = NULL;
    int result = retrocall_begin(engine, &options, &begun);
    if (result == RETROCALL_ACCEPTED) {
        EXPECT(look(begun).left_out, strlen(retrocall_error(engine)) > 0);
        EXPECT(retrocall_end(begun), RETROCALL_ACCEPTED);
        retrocall_free(begun);
    }
    return result;
}

static int left_out(retrocall_options options)
{
    retrocall_call *begun;
    EXPECT(retrocall_begin(engine, &options, &begun), RETROCALL_ACCEPTED);
    int is_left_out = look(begun).left_out;
    EXPECT(retrocall_end(begun), RETROCALL_ACCEPTED);
    retrocall_free(begun);
    return is_left_out ? RETROCALL_ACCEPTED : -1;
}

#define WITH(field, value) (options = options_of("anna"), options.field = (value), options)

static void connecting(void)
{
    char path[109];
    memset(path, 'x', 108);
    path[0] = '/';
    path[108] = 0;
    ROW("retrocall_connect", "`engine` is NULL", WRONG, retrocall_connect(socket_path, NULL));
    ROW("retrocall_connect", "the path is NULL, empty or over 107 bytes", WRONG, retrocall_connect(NULL, &engine));
    EXPECT(strlen(retrocall_error(engine)) > 10, 1);
    retrocall_close(engine);
    AND(WRONG, retrocall_connect("", &engine));
    retrocall_close(engine);
    AND(WRONG, retrocall_connect(path, &engine));
    retrocall_close(engine);
    ROW("retrocall_connect", "no engine listens there", GONE, retrocall_connect("/nowhere/engine.sock", &engine));
    EXPECT(strstr(retrocall_error(engine), "retrocall run") != NULL, 1);
    AND(GONE, begins(options_of("anna")));
    AND(GONE, retrocall_wait(engine, 0));
    retrocall_close(engine);
    ROW("retrocall_connect", "an engine listens there", ACCEPTED, retrocall_connect(socket_path, &engine));
    printf("| retrocall_fd | the connection is NULL | -1 |\n");
    EXPECT(retrocall_fd(NULL), -1);
}

static void beginning(void)
{
    retrocall_options options = options_of("anna");
    char name[66];
    memset(name, 'x', 65);
    name[65] = 0;
    ROW(BEGIN, "an argument is NULL", WRONG, retrocall_begin(NULL, &options, &call));
    AND(WRONG, retrocall_begin(engine, NULL, &call));
    AND(WRONG, retrocall_begin(engine, &options, NULL));
    ROW(BEGIN, "`size` is not the size of the options", WRONG, begins(WITH(size, 0)));
    AND(WRONG, begins(WITH(size, 8)));
    AND(WRONG, begins(WITH(size, (size_t)-1)));
    ROW(BEGIN, "`agent` is no name, or is NULL and this user may act for all", WRONG, begins(WITH(agent, "")));
    AND(WRONG, begins(WITH(agent, NULL)));
    AND(WRONG, begins(WITH(agent, "\xff")));
    AND(WRONG, begins(WITH(agent, name)));
    AND(WRONG, begins(WITH(agent, " anna")));
    ROW(BEGIN, "`rate` or `codec` is out of its limits", WRONG, begins(WITH(rate, 0)));
    AND(WRONG, begins(WITH(rate, 7999)));
    AND(WRONG, begins(WITH(rate, 48001)));
    AND(WRONG, begins(WITH(codec, 99)));
    AND(WRONG, begins(WITH(codec, -1)));
    ROW(BEGIN, "`customer` is NULL or \"\"", ACCEPTED, begins(WITH(customer, NULL)));
    AND(ACCEPTED, begins(WITH(customer, "")));
    AND(ACCEPTED, begins(WITH(continues, "")));
    ROW(BEGIN, "`customer`, `direction`, `frame_samples`, `depth_ms`, `continues`, `informed` or a state can't be used: `left_out`", ACCEPTED,
        left_out(WITH(customer, name)));
    AND(ACCEPTED, left_out(WITH(customer, "\xff")));
    AND(ACCEPTED, left_out(WITH(direction, 2)));
    AND(ACCEPTED, left_out(WITH(frame_samples, 5761)));
    AND(ACCEPTED, left_out(WITH(depth_ms, 119)));
    AND(ACCEPTED, left_out(WITH(depth_ms, 10001)));
    AND(ACCEPTED, left_out(WITH(continues, "none")));
    AND(ACCEPTED, left_out(WITH(informed, 4)));
    AND(ACCEPTED, left_out(WITH(informed, -1)));
    AND(ACCEPTED, left_out(WITH(continues, "01a20d0d-38a0-7b3a-9f62-5d8e4c1b2a39")));
    options = options_of("anna");
    options.recording = options.private_ = 1;
    AND(ACCEPTED, left_out(options));
    options = options_of("anna");
    ROW(BEGIN, "the call is captured", ACCEPTED, retrocall_begin(engine, &options, &call));
}

/* As many calls as the engine takes, then gives back all but the first. */
static void full_engine(void (*meanwhile)(void))
{
    retrocall_call *calls[CALLS_MAX];
    retrocall_options options = options_of("carl");
    int count = 0, result;
    while ((result = retrocall_begin(engine, &options, &calls[count])) == RETROCALL_ACCEPTED)
        EXPECT(++count < CALLS_MAX, 1);
    expect(__LINE__, "one call too many", RETROCALL_REFUSED, result);
    if (meanwhile)
        meanwhile();
    while (count-- > 0) {
        EXPECT(retrocall_end(calls[count]), RETROCALL_ACCEPTED);
        retrocall_free(calls[count]);
    }
}

static void pushing(void)
{
    ROW(PUSH, "the frame is there for the engine to take, or has no samples", ACCEPTED,
        retrocall_push(call, RETROCALL_AGENT, 0, samples, 160));
    AND(ACCEPTED, retrocall_push(call, RETROCALL_CUSTOMER, 0, samples, 0));
    AND(ACCEPTED, retrocall_push(call, RETROCALL_CUSTOMER, 0, samples, 960));
    ROW(PUSH, "the call or the samples are NULL, the leg is none, or the frame ends beyond 2^64", WRONG,
        retrocall_push(NULL, RETROCALL_AGENT, 160, samples, 160));
    AND(WRONG, retrocall_push(call, RETROCALL_AGENT, 160, NULL, 160));
    AND(WRONG, retrocall_push(call, 2, 160, samples, 160));
    AND(WRONG, retrocall_push(call, -1, 160, samples, 160));
    AND(WRONG, retrocall_push(call, RETROCALL_AGENT, UINT64_MAX, samples, 160));
    ROW(PUSH, "over 5760 samples, or more than all the room there is: 120 ms always fit", WRONG,
        retrocall_push(call, RETROCALL_AGENT, 160, samples, 5761));
    AND(WRONG, retrocall_push(call, RETROCALL_AGENT, 160, samples, (size_t)-1));
    AND(WRONG, retrocall_push(call, RETROCALL_AGENT, 160, samples, 5760)); /* of 8000 Hz: 720 ms */
    stage("freeze", "");
    uint64_t at = 160;
    int result;
    while ((result = retrocall_push(call, RETROCALL_AGENT, at, samples, 160)) == RETROCALL_ACCEPTED)
        EXPECT((at += 160) < 80000, 1);
    ROW(PUSH, "there is no room for it", FULL, result);
    stage("thaw", "");
    EXPECT(look(call).dropped[RETROCALL_AGENT] == 1 && look(call).incomplete, 1);
}

static void controlling(void)
{
    ROW(CONTROL, "the call is NULL", WRONG, retrocall_record(NULL));
    for (size_t i = 0; i < controls_len; i++)
        AND(WRONG, controls[i](NULL));
    ROW(CONTROL, "it is done", ACCEPTED, retrocall_mask(call));
    for (size_t i = 1; i + 1 < controls_len; i++)
        AND(ACCEPTED, controls[i](call));
    AND(ACCEPTED, retrocall_mask(call));
    AND(ACCEPTED, retrocall_hold(call));
    ROW(CONTROL, "it was so before", ALREADY, retrocall_record(call));
    AND(ALREADY, retrocall_copy(call));
    AND(ALREADY, retrocall_mask(call));
    AND(ALREADY, retrocall_hold(call));
    AND(ALREADY, retrocall_object(call));
    AND(ALREADY, transfer(call));
    ROW(CONTROL, "the engine does not do it, like retrocall_private after retrocall_record", REFUSED, retrocall_private(call));
    ROW("retrocall_erase_last", "0 seconds, fewer, NaN, or over 86400", WRONG, retrocall_erase_last(call, 0));
    AND(WRONG, retrocall_erase_last(call, -1));
    AND(WRONG, retrocall_erase_last(call, (double)NAN));
    AND(WRONG, retrocall_erase_last(call, (double)INFINITY));
    AND(WRONG, retrocall_erase_last(call, 86401));
    AND(ACCEPTED, retrocall_erase_last(call, 86400));
    ROW("retrocall_transfer", "`to` is NULL or no name", WRONG, retrocall_transfer(call, NULL));
    AND(WRONG, retrocall_transfer(call, ""));
    AND(WRONG, retrocall_transfer(call, "\xff"));
    ROW("retrocall_dtmf", "the digit is none", WRONG, retrocall_dtmf(call, 'x'));
    AND(WRONG, retrocall_dtmf(call, 0));
    AND(WRONG, retrocall_dtmf(call, (char)0xff));
    ROW("retrocall_dtmf_on", "the digit or the leg is none", WRONG, retrocall_dtmf_on(call, 'x', RETROCALL_AGENT));
    AND(WRONG, retrocall_dtmf_on(call, '5', 2));
    AND(WRONG, retrocall_dtmf_on(call, '5', -1));
}

static void looking(void)
{
    retrocall_status status = look(call);
    ROW("retrocall_look", "an argument is NULL, or `size` is not the size of the status", WRONG, retrocall_look(NULL, &status));
    AND(WRONG, retrocall_look(call, NULL));
    status.size = 0;
    AND(WRONG, retrocall_look(call, &status));
    status.size = (size_t)-1;
    AND(WRONG, retrocall_look(call, &status));
    ROW("retrocall_wait", "the engine has said something, or the time is over", ACCEPTED, retrocall_wait(engine, 0));
    AND(ACCEPTED, retrocall_wait(engine, 1));
    ROW("retrocall_wait", "the connection is NULL", WRONG, retrocall_wait(NULL, 0));
    EXPECT(strlen(retrocall_id(NULL)) == 0 && strlen(retrocall_path(NULL)) == 0 && strlen(retrocall_continues(NULL)) == 0, 1);
    EXPECT(strlen(retrocall_error(NULL)) > 10, 1);
    retrocall_free(NULL);
    retrocall_close(NULL);
}

/* A child has nothing of it, ends nothing of its parent's, and does not die of it. */
static void forked(void)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        retrocall_options options = options_of("anna");
        retrocall_status status = {.size = sizeof status};
        retrocall_call *another;
        ROW("any but retrocall_fd", "in a child after fork, with what its parent made", WRONG,
            retrocall_push(call, RETROCALL_AGENT, 8000, samples, 160));
        AND(WRONG, retrocall_begin(engine, &options, &another));
        AND(WRONG, retrocall_attach(engine, "01a20d0d-38a0-7b3a-9f62-5d8e4c1b2a39", NULL, &another));
        AND(WRONG, retrocall_reconnect(call, 0));
        AND(WRONG, retrocall_look(call, &status));
        AND(WRONG, retrocall_wait(engine, 0));
        AND(WRONG, retrocall_end(call));
        for (size_t i = 0; i < controls_len; i++)
            AND(WRONG, controls[i](call));
        EXPECT(retrocall_fd(engine), -1);
        EXPECT(strstr(retrocall_error(engine), "connect anew") != NULL && strlen(retrocall_id(call)) == 0, 1);
        retrocall_free(call);
        retrocall_close(engine);
        /* One of its own it may have. */
        retrocall *own;
        AND(ACCEPTED, retrocall_connect(socket_path, &own));
        AND(ACCEPTED, retrocall_begin(own, &options, &another));
        AND(ACCEPTED, retrocall_push(another, RETROCALL_AGENT, 0, samples, 160));
        AND(ACCEPTED, retrocall_end(another));
        AND(WRONG, retrocall_push(call, RETROCALL_AGENT, 8000, samples, 160));
        retrocall_free(another);
        retrocall_close(own);
        fflush(stdout);
        _exit(0);
    }
    int status;
    EXPECT(waitpid(child, &status, 0) == child && status == 0, 1);
    AND(ACCEPTED, retrocall_push(call, RETROCALL_AGENT, 8000, samples, 160));
    EXPECT(look(call).connected && !look(call).ended, 1);
}

static void attaching(void)
{
    retrocall *other;
    retrocall_call *lost, *found;
    retrocall_options options = options_of("dora"), small = options_of(NULL);
    small.size = 8;
    char id[37];
    EXPECT(retrocall_connect(socket_path, &other), RETROCALL_ACCEPTED);
    EXPECT(retrocall_begin(other, &options, &lost), RETROCALL_ACCEPTED);
    memcpy(id, retrocall_id(lost), sizeof id);
    ROW(ATTACH, "`id` is NULL or no id, `size` is not the size of the options, or another argument is NULL", WRONG,
        retrocall_attach(engine, NULL, NULL, &found));
    AND(WRONG, retrocall_attach(engine, "", NULL, &found));
    AND(WRONG, retrocall_attach(engine, "none", NULL, &found));
    AND(WRONG, retrocall_attach(engine, id, &small, &found));
    AND(WRONG, retrocall_attach(engine, id, NULL, NULL));
    AND(WRONG, retrocall_attach(NULL, id, NULL, &found));
    ROW(ATTACH, "the call has its connection, is over, or is another agent's", REFUSED, retrocall_attach(engine, id, NULL, &found));
    EXPECT(retrocall_push(lost, RETROCALL_AGENT, 0, samples, 320), RETROCALL_ACCEPTED);
    EXPECT(retrocall_mask(lost), RETROCALL_ACCEPTED);
    retrocall_free(lost);
    retrocall_close(other);
    ROW(ATTACH, "the call had lost its connection", ACCEPTED, retrocall_attach(engine, id, NULL, &found));
    EXPECT(look(found).masked && look(found).positions[RETROCALL_AGENT] == 320 && strcmp(retrocall_id(found), id) == 0, 1);
    AND(ACCEPTED, retrocall_push(found, RETROCALL_AGENT, 320, samples, 160));
    AND(ACCEPTED, retrocall_end(found));
    AND(REFUSED, retrocall_attach(engine, id, NULL, &lost));
    retrocall_free(found);
}

static void ending(void)
{
    retrocall_options options = options_of("emil");
    retrocall_call *over;
    EXPECT(retrocall_begin(engine, &options, &over), RETROCALL_ACCEPTED);
    ROW("retrocall_end", "the call is NULL", WRONG, retrocall_end(NULL));
    ROW("retrocall_end", "the call is over", ACCEPTED, retrocall_end(over));
    ROW("retrocall_end", "it was over before", ALREADY, retrocall_end(over));
    ROW(PUSH, "the call has ended, or another function has found that the connection is gone", GONE,
        retrocall_push(over, RETROCALL_AGENT, 0, samples, 160));
    ROW(CONTROL, "the call has ended, and the desk gives no time for a late press", GONE, retrocall_record(over));
    for (size_t i = 0; i < controls_len; i++)
        AND(GONE, controls[i](over));
    EXPECT(strstr(retrocall_error(engine), "ended") != NULL, 1);
    ROW(RECONNECT, "no engine came in time, or the call was ended by retrocall_end", GONE, retrocall_reconnect(over, 0));
    ROW("retrocall_look", "the status is filled in, also of a call that is over and without a connection", ACCEPTED,
        look(over).ended ? RETROCALL_ACCEPTED : -1);
    retrocall_free(over);
}

static void not_taken(void)
{
    ROW(RECONNECT, "the engine that is there does not take it", REFUSED, retrocall_reconnect(call, 0));
}

/* The engine is killed. Only a look, or what asks, finds that it is gone. */
static void killed(void)
{
    retrocall_options options = options_of("anna");
    retrocall_call *another, *old = call;
    EXPECT(retrocall_begin(engine, &options, &call), RETROCALL_ACCEPTED);
    char id[37];
    memcpy(id, retrocall_id(call), sizeof id);
    stage("kill", "");
    EXPECT(look(call).connected || look(old).ended, 0);
    AND(GONE, retrocall_push(call, RETROCALL_AGENT, 160, samples, 160));
    EXPECT(strlen(retrocall_error(engine)) > 10, 1);
    ROW("retrocall_wait", "the connection is gone", GONE, retrocall_wait(engine, 60000));
    ROW(BEGIN, "the connection is gone", GONE, retrocall_begin(engine, &options, &another));
    ROW(ATTACH, "the connection is gone", GONE, retrocall_attach(engine, id, NULL, &another));
    ROW(CONTROL, "the connection is gone", GONE, retrocall_record(old));
    for (size_t i = 0; i < controls_len; i++)
        AND(GONE, controls[i](old));
    ROW("retrocall_end", "the connection is gone", GONE, retrocall_end(old));
    AND(GONE, retrocall_reconnect(call, 0));
    retrocall_free(old);
    stage("start", "");

    retrocall *lost = engine;
    EXPECT(retrocall_connect(socket_path, &engine), RETROCALL_ACCEPTED);
    full_engine(not_taken);
    retrocall_close(engine);
    engine = lost;
    ROW(RECONNECT, "the call goes on, as it was or as another one", ACCEPTED, retrocall_reconnect(call, 10000));
    EXPECT(strcmp(retrocall_id(call), id) != 0 && strcmp(retrocall_continues(call), id) == 0, 1);
    EXPECT(look(call).went_on == 1 && look(call).began == 320 && look(call).connected, 1);
    AND(ACCEPTED, retrocall_push(call, RETROCALL_AGENT, 320, samples, 160));
    ROW(RECONNECT, "the call never stopped", ALREADY, retrocall_reconnect(call, 0));
    ROW(RECONNECT, "the call is NULL", WRONG, retrocall_reconnect(NULL, 0));
    EXPECT(retrocall_end(call), RETROCALL_ACCEPTED);
}

int main(int argc, char **argv)
{
    (void)argc;
    socket_path = argv[1];
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        samples[i] = (int16_t)(i * 7 + 1);
    connecting();
    beginning();
    ROW(BEGIN, "the engine takes no more calls, or not this agent's from this user", REFUSED, (full_engine(NULL), RETROCALL_REFUSED));
    pushing();
    controlling();
    looking();
    forked();
    attaching();
    ending();
    killed();
    retrocall_free(call);
    retrocall_close(engine);
    return 0;
}
