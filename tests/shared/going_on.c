/* A phone that is killed at any moment, as the engine is, and whose call goes on whatever was killed:
 *
 *     going_on SOCKET STATE CALL.raw AGENT RECORD_AT MASK_AT UNMASK_AT PRIVATE_AT
 *
 * The phone call goes on all the while, in real time: its first sample was spoken when STATE was first written. What is at a sample (-1: never) is
 * asked for before that sample is pushed. What must outlive this process is written to STATE before it is asked for. It prints `call ID SAMPLE` for
 * each call of the engine that it goes on as, with the sample at which that one began, and `done` at the end. */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "stage.h"

#define RATE 8000
#define FRAME 160

/* What outlives this process. */
struct state {
    char id[37];
    unsigned long long base; /* the sample at which that call began */
    double began;            /* when sample 0 was spoken */
    int recording, masked, private_, unmasked;
};

static const char *state_path;
static struct state state;
static int16_t *samples;
static uint64_t length;
static retrocall_call *call;
static uint64_t offset; /* position 0 of `call`, in samples of the phone call */

static void save(void)
{
    char path[4096];
    snprintf(path, sizeof path, "%s.new", state_path);
    FILE *file = fopen(path, "w");
    EXPECT(file != NULL, 1);
    fprintf(file, "%s %llu %.9f %d %d %d %d\n", state.id, state.base, state.began, state.recording, state.masked, state.private_,
            state.unmasked);
    EXPECT(fclose(file), 0);
    EXPECT(rename(path, state_path), 0);
}

static int load(void)
{
    FILE *file = fopen(state_path, "r");
    if (!file)
        return 0;
    int fields = fscanf(file, "%36s %llu %lf %d %d %d %d", state.id, &state.base, &state.began, &state.recording, &state.masked,
                        &state.private_, &state.unmasked);
    fclose(file);
    EXPECT(fields, 7);
    return 1;
}

static uint64_t spoken(void)
{
    double passed = (seconds() - state.began) * RATE;
    uint64_t now = passed > 0 ? (uint64_t)passed : 0;
    return (now < length ? now : length) / FRAME * FRAME;
}

/* The engine has it as this call. */
static void goes_on(uint64_t base, const char *how)
{
    snprintf(state.id, sizeof state.id, "%s", retrocall_id(call));
    state.base = base;
    save();
    printf("call %s %llu %s %s\n", state.id, state.base, how, look(call).left_out ? retrocall_error(engine) : "");
    fflush(stdout);
}

/* What was asked for and is not in force: it was never answered. */
static void ask_again(void)
{
    retrocall_status status = look(call);
    if (state.private_ && !status.private_)
        retrocall_private(call);
    if (state.masked && !status.masked)
        retrocall_mask(call);
    if (state.recording && !status.recording)
        retrocall_record(call);
}

/* Takes up the call that this phone had before it was killed, or begins one. Returns whether it has one. */
static int take_up(const char *socket_path, const char *agent, int is_known)
{
    retrocall_options options = options_of(agent);
    if (retrocall_connect(socket_path, &engine) != RETROCALL_ACCEPTED) {
        retrocall_close(engine);
        engine = NULL;
        return 0;
    }
    int result = RETROCALL_REFUSED;
    if (is_known) {
        options.continues = state.id;
        options.recording = state.recording;
        options.masked = state.masked;
        options.private_ = state.private_;
        result = retrocall_attach(engine, state.id, &options, &call);
        offset = state.base;
    }
    if (result == RETROCALL_ACCEPTED) {
        goes_on(state.base, "attached");
    } else if (result == RETROCALL_REFUSED && !strstr(retrocall_error(engine), "still has")) {
        result = retrocall_begin(engine, &options, &call);
        if (result == RETROCALL_ACCEPTED) {
            if (!is_known)
                state.began = seconds();
            offset = spoken();
            goes_on(offset, is_known ? "continued" : "begun");
        }
    }
    if (result != RETROCALL_ACCEPTED) {
        retrocall_close(engine);
        engine = NULL;
        return 0;
    }
    ask_again();
    return 1;
}

static void push(uint64_t at)
{
    int16_t legs[2][FRAME];
    for (int i = 0; i < FRAME; i++) {
        legs[0][i] = samples[2 * (at + (uint64_t)i)];
        legs[1][i] = samples[2 * (at + (uint64_t)i) + 1];
    }
    for (int leg = 0; leg < 2; leg++)
        retrocall_push(call, leg, at - offset, legs[leg], FRAME);
}

static int is_in_force(int result)
{
    return result == RETROCALL_ACCEPTED || result == RETROCALL_ALREADY;
}

/* What is due before this sample is pushed. */
static void press(uint64_t at, const long *when)
{
    int is_due[4];
    for (int i = 0; i < 4; i++)
        is_due[i] = when[i] >= 0 && at >= (uint64_t)when[i];
    if (is_due[3] && !state.private_) {
        state.private_ = 1;
        save();
        retrocall_private(call);
    }
    if (is_due[1] && !state.masked && !state.unmasked) {
        state.masked = 1;
        save();
        retrocall_mask(call);
    }
    if (is_due[0] && !state.recording) {
        state.recording = 1;
        save();
        retrocall_record(call);
    }
    if (is_due[2] && state.masked && is_in_force(retrocall_unmask(call))) {
        state.masked = 0;
        state.unmasked = 1;
        save();
    }
    /* Whoever made it private can't have it recorded, whatever was killed in between. */
    if (state.private_ && at % 1600 == 0)
        EXPECT(is_in_force(retrocall_record(call)), 0);
}

static void find_engine(uint32_t timeout_ms)
{
    if (retrocall_reconnect(call, timeout_ms) != RETROCALL_ACCEPTED)
        return;
    retrocall_status status = look(call);
    goes_on(status.went_on ? offset + status.began : state.base, "reconnected");
}

int main(int argc, char **argv)
{
    EXPECT(argc, 9);
    long when[4];
    for (int i = 0; i < 4; i++)
        when[i] = atol(argv[5 + i]);
    state_path = argv[2];
    FILE *raw = fopen(argv[3], "rb");
    EXPECT(raw && fseek(raw, 0, SEEK_END) == 0, 1);
    long bytes = ftell(raw);
    rewind(raw);
    samples = (int16_t *)malloc((size_t)bytes);
    length = fread(samples, 4, (size_t)bytes / 4, raw) / FRAME * FRAME;
    fclose(raw);

    int is_known = load();
    while (!take_up(argv[1], argv[4], is_known))
        pause_ms(20);
    uint64_t at = spoken();
    while (at < length) {
        uint64_t now = spoken();
        for (; at < now; at += FRAME) {
            press(at, when);
            push(at);
        }
        if (retrocall_wait(engine, 10) == RETROCALL_GONE || look(call).ended) {
            find_engine(0);
            pause_ms(5);
        }
    }
    while (!is_in_force(retrocall_end(call)))
        find_engine(60000);
    /* A recording is completed in any case; if the engine is killed now, the next one does it. */
    while (state.recording && !look(call).kept && retrocall_wait(engine, 10000) == RETROCALL_ACCEPTED)
        ;
    printf("done\n");
    fflush(stdout);
    retrocall_free(call);
    retrocall_close(engine);
    free(samples);
    return 0;
}
