/* A softphone that hands one call to retrocall through shared memory: both legs of a file, paced as a sound card would.
 *
 *     softphone SOCKET CALL.raw RATE AGENT [RECORD_AT]
 *
 * SOCKET is the engine's socket (engine.sock in its home), CALL.raw both legs as signed 16-bit samples, the agent's first, then the
 * customer's, and so on (`sox CALL.wav CALL.raw` makes it), RATE samples a second; RECORD_AT is the second of the call in which record is
 * pressed. It prints how far it is, and at last the recording's path. If the engine goes, it is looked for, and the call goes on when it is
 * back. Exit code 0: done; 1: not captured to the end; 2: wrong usage. C99 or newer, or C++20.
 *
 *     make install PREFIX=$HOME/.local
 *     export PKG_CONFIG_PATH=$HOME/.local/lib/pkgconfig
 *     cc -o softphone examples/softphone.c $(pkg-config --cflags --libs retrocall) -lpthread
 */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "retrocall.h"

#define FRAMES_A_SECOND 50
#define FRAME_SAMPLES_MAX (48000 / FRAMES_A_SECOND)
#define LOOK_MS 20

struct phone {
    retrocall_call *call;
    const int16_t *samples; /* of both legs in turn */
    uint64_t length;        /* of the call, in samples of a leg */
    uint32_t rate;
    pthread_mutex_t lock;
    int over;
};

/* What a sound card does 50 times a second. Nothing in here waits for the engine, and nothing that the engine does changes the phone call. */
static void audio_callback(struct phone *phone, uint64_t position, size_t count)
{
    int16_t legs[2][FRAME_SAMPLES_MAX];
    for (size_t i = 0; i < count; i++) {
        legs[0][i] = phone->samples[2 * (position + i)];
        legs[1][i] = phone->samples[2 * (position + i) + 1];
    }
    /* If there is no room, or no engine, the frame is silence in the recording, and we go on counting. */
    retrocall_push(phone->call, RETROCALL_AGENT, position, legs[0], count);
    retrocall_push(phone->call, RETROCALL_CUSTOMER, position, legs[1], count);
}

static void *sound_card(void *argument)
{
    struct phone *phone = (struct phone *)argument;
    uint64_t frame = phone->rate / FRAMES_A_SECOND;
    struct timespec due;
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (uint64_t position = 0; position < phone->length; position += frame) {
        due.tv_nsec += 1000000000 / FRAMES_A_SECOND;
        if (due.tv_nsec >= 1000000000) {
            due.tv_nsec -= 1000000000;
            due.tv_sec++;
        }
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
        uint64_t left = phone->length - position;
        audio_callback(phone, position, (size_t)(left < frame ? left : frame));
    }
    pthread_mutex_lock(&phone->lock);
    phone->over = 1;
    pthread_mutex_unlock(&phone->lock);
    return NULL;
}

static int is_over(struct phone *phone)
{
    pthread_mutex_lock(&phone->lock);
    int over = phone->over;
    pthread_mutex_unlock(&phone->lock);
    return over;
}

static int16_t *read_samples(const char *path, uint64_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        return NULL;
    long bytes = ftell(file);
    rewind(file);
    int16_t *samples = (int16_t *)malloc(bytes > 0 ? (size_t)bytes : 1);
    *length = samples ? fread(samples, 2 * sizeof *samples, (size_t)bytes / (2 * sizeof *samples), file) : 0;
    fclose(file);
    return samples;
}

static retrocall_status look(struct phone *phone)
{
    retrocall_status status;
    memset(&status, 0, sizeof status);
    status.size = sizeof status;
    retrocall_look(phone->call, &status);
    return status;
}

static void show(const retrocall_status *status)
{
    uint64_t lost = status->dropped[RETROCALL_AGENT] + status->dropped[RETROCALL_CUSTOMER];
    printf("at %llu, %llu frames lost\n", (unsigned long long)status->positions[RETROCALL_CUSTOMER], (unsigned long long)lost);
    fflush(stdout);
}

/* Looks once for an engine that is gone, and goes on with the call if it is back. */
static int find_engine(retrocall *engine, struct phone *phone, int was_there)
{
    if (was_there)
        fprintf(stderr, "softphone: %s; the phone call goes on\n", retrocall_error(engine));
    int found = retrocall_reconnect(phone->call, 0);
    if (found == RETROCALL_ACCEPTED)
        printf("goes on as %s\n", retrocall_id(phone->call));
    else {
        struct timespec pause = {0, LOOK_MS * 1000000};
        nanosleep(&pause, NULL);
    }
    return found == RETROCALL_ACCEPTED || found == RETROCALL_ALREADY;
}

/* The rest of the phone: presses record when it is time, and hears what the engine says. Returns whether there is still an engine. */
static int look_after(retrocall *engine, struct phone *phone, double record_at)
{
    int pressed = record_at < 0, there = 1;
    do {
        int heard = retrocall_wait(engine, LOOK_MS);
        retrocall_status status = look(phone);
        show(&status);
        if (heard == RETROCALL_GONE || status.ended)
            there = find_engine(engine, phone, there);
        if (!pressed && (double)status.positions[RETROCALL_AGENT] >= record_at * phone->rate) {
            int result = retrocall_record(phone->call);
            /* Without an engine it is pressed when there is one again. */
            pressed = 1;
            if (result == RETROCALL_REFUSED)
                fprintf(stderr, "softphone: record is refused: %s\n", retrocall_error(engine));
            else if (result != RETROCALL_GONE)
                printf("recording %s\n", retrocall_id(phone->call));
        }
    } while (!is_over(phone));
    return there;
}

int main(int argc, char **argv)
{
    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: softphone SOCKET CALL.raw RATE AGENT [RECORD_AT]\n");
        return 2;
    }
    struct phone phone;
    memset(&phone, 0, sizeof phone);
    pthread_mutex_init(&phone.lock, NULL);
    phone.rate = (uint32_t)atoi(argv[3]);
    int16_t *samples = read_samples(argv[2], &phone.length);
    if (!(phone.samples = samples)) {
        fprintf(stderr, "softphone: can't read %s\n", argv[2]);
        return 1;
    }
    retrocall *engine;
    retrocall_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.agent = argv[4];
    options.rate = phone.rate;
    if (retrocall_connect(argv[1], &engine) != RETROCALL_ACCEPTED
        || retrocall_begin(engine, &options, &phone.call) != RETROCALL_ACCEPTED) {
        /* A real softphone lets the call go on: it is not captured, and that is all. */
        fprintf(stderr, "softphone: %s\n", retrocall_error(engine));
        retrocall_close(engine);
        free(samples);
        return 1;
    }
    pthread_t thread;
    pthread_create(&thread, NULL, sound_card, &phone);
    int captured = look_after(engine, &phone, argc == 6 ? atof(argv[5]) : -1);
    pthread_join(thread, NULL);

    captured = captured && retrocall_end(phone.call) == RETROCALL_ACCEPTED;
    retrocall_status status = look(&phone);
    /* For those who want to know where the recording is. The engine completes it in any case. */
    while (captured && status.recording && !status.kept) {
        captured = retrocall_wait(engine, 1000) == RETROCALL_ACCEPTED;
        status = look(&phone);
    }
    show(&status);
    if (status.kept)
        printf("%s\n", retrocall_path(phone.call));
    retrocall_free(phone.call);
    retrocall_close(engine);
    free(samples);
    return captured ? 0 : 1;
}
