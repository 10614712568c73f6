/* Every function of retrocall.h, with right and with wrong arguments: every_function SOCKET. Prints where the recording is. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "retrocall.h"

#define EXPECT(call, result)                                                                                  \
    do {                                                                                                      \
        int got = (call);                                                                                     \
        if (got != (result)) {                                                                                \
            fprintf(stderr, "line %d: %s is %d: %s\n", __LINE__, #call, got, retrocall_error(engine));        \
            exit(1);                                                                                          \
        }                                                                                                     \
    } while (0)

static retrocall *engine;
static retrocall_call *call;
static uint64_t at;

/* 20 ms of both legs: sample n is n + 1 for the agent, -(n + 1) for the customer. */
static void talk(void)
{
    int16_t legs[2][160];
    for (int i = 0; i < 160; i++) {
        legs[0][i] = (int16_t)(at + i + 1);
        legs[1][i] = (int16_t)-legs[0][i];
    }
    EXPECT(retrocall_push(call, RETROCALL_AGENT, at, legs[0], 160), RETROCALL_ACCEPTED);
    EXPECT(retrocall_push(call, RETROCALL_CUSTOMER, at, legs[1], 160), RETROCALL_ACCEPTED);
    at += 160;
}

int main(int argc, char **argv)
{
    (void)argc;
    retrocall_options options = {0};
    retrocall_status status;
    int16_t sample = 1;

    EXPECT(retrocall_connect(argv[1], NULL), RETROCALL_WRONG);
    EXPECT(retrocall_connect(NULL, &engine), RETROCALL_GONE);
    EXPECT(strlen(retrocall_error(engine)) > 10, 1);
    EXPECT(retrocall_begin(engine, &options, &call), RETROCALL_WRONG);
    EXPECT(retrocall_wait(engine, 0), RETROCALL_GONE);
    retrocall_close(engine);
    EXPECT(retrocall_connect(argv[1], &engine), RETROCALL_ACCEPTED);

    EXPECT(retrocall_begin(NULL, &options, &call), RETROCALL_WRONG);
    EXPECT(retrocall_begin(engine, NULL, &call), RETROCALL_WRONG);
    EXPECT(retrocall_begin(engine, &options, &call), RETROCALL_WRONG); /* no agent, no rate */
    options.agent = "\xff";
    options.rate = 8000;
    EXPECT(retrocall_begin(engine, &options, &call), RETROCALL_WRONG);
    options.agent = "";
    EXPECT(retrocall_begin(engine, &options, &call), RETROCALL_REFUSED);
    options.agent = "anna";
    options.codec = 7;
    EXPECT(retrocall_begin(engine, &options, &call), RETROCALL_WRONG);
    options.codec = RETROCALL_PCM16;
    options.customer = "+31205550123";
    options.direction = RETROCALL_OUTBOUND;
    options.frame_samples = 100000;
    EXPECT(retrocall_begin(engine, &options, &call), RETROCALL_REFUSED);
    options.frame_samples = 160;
    EXPECT(retrocall_begin(engine, &options, &call), RETROCALL_ACCEPTED);
    EXPECT((int)strlen(retrocall_id(call)), 36);

    EXPECT(retrocall_push(NULL, RETROCALL_AGENT, 0, &sample, 1), RETROCALL_WRONG);
    EXPECT(retrocall_push(call, 2, 0, &sample, 1), RETROCALL_WRONG);
    EXPECT(retrocall_push(call, RETROCALL_AGENT, 0, NULL, 1), RETROCALL_WRONG);
    EXPECT(retrocall_push(call, RETROCALL_AGENT, 0, &sample, (size_t)-1), RETROCALL_WRONG);
    EXPECT(retrocall_push(call, RETROCALL_AGENT, 0, &sample, 0), RETROCALL_ACCEPTED);

    talk();
    EXPECT(retrocall_mask(call), RETROCALL_ACCEPTED);
    EXPECT(retrocall_mask(call), RETROCALL_ALREADY);
    talk(); /* silence: 160 to 320 */
    EXPECT(retrocall_unmask(call), RETROCALL_ACCEPTED);
    talk();
    EXPECT(retrocall_hold(call), RETROCALL_ACCEPTED);
    talk(); /* silence: 480 to 640 */
    EXPECT(retrocall_resume(call), RETROCALL_ACCEPTED);
    EXPECT(retrocall_dtmf(call, '#'), RETROCALL_ACCEPTED);
    EXPECT(retrocall_dtmf(call, 'x'), RETROCALL_REFUSED);
    EXPECT(retrocall_transfer(call, "bert"), RETROCALL_ACCEPTED);
    EXPECT(retrocall_transfer(call, NULL), RETROCALL_WRONG);
    EXPECT(retrocall_object(call), RETROCALL_ACCEPTED);
    EXPECT(retrocall_record(call), RETROCALL_ACCEPTED);
    EXPECT(retrocall_record(call), RETROCALL_ALREADY);
    EXPECT(retrocall_record(NULL), RETROCALL_WRONG);
    EXPECT(retrocall_private(call), RETROCALL_REFUSED);
    EXPECT(strlen(retrocall_error(engine)) > 10, 1);
    EXPECT(retrocall_erase_last(call, -1), RETROCALL_WRONG);
    EXPECT(retrocall_erase_last(call, NAN), RETROCALL_WRONG);
    talk();
    EXPECT(retrocall_erase_last(call, 80 / 8000.0), RETROCALL_ACCEPTED); /* silence: 720 to 800 */
    talk();

    EXPECT(retrocall_look(call, NULL), RETROCALL_WRONG);
    EXPECT(retrocall_look(call, &status), RETROCALL_ACCEPTED);
    EXPECT(status.connected && status.recording && !status.ended && !status.kept, 1);
    EXPECT(status.positions[0] == at && status.positions[1] == at && status.dropped[0] == 0, 1);
    EXPECT((int)strlen(retrocall_path(call)), 0);
    EXPECT(retrocall_end(call), RETROCALL_ACCEPTED);
    EXPECT(retrocall_push(call, RETROCALL_AGENT, at, &sample, 1), RETROCALL_GONE);
    do {
        EXPECT(retrocall_wait(engine, 60000), RETROCALL_ACCEPTED);
        EXPECT(retrocall_look(call, &status), RETROCALL_ACCEPTED);
    } while (!status.kept);
    printf("%s\n", retrocall_path(call));
    retrocall_close(engine);
    engine = NULL;
    EXPECT(retrocall_look(call, &status), RETROCALL_ACCEPTED);
    EXPECT(status.connected, 0);
    retrocall_free(call);
    retrocall_free(NULL);
    retrocall_close(NULL);
    return 0;
}
