/* A whole call with every function of retrocall.h: every_function SOCKET. Prints where the recording is. */
#include "stage.h"

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
    retrocall_options options = options_of("anna");
    retrocall_status status;

    EXPECT(retrocall_version() == RETROCALL_VERSION, 1);
    EXPECT(retrocall_connect(argv[1], &engine), RETROCALL_ACCEPTED);
    options.customer = "+31205550123";
    options.direction = RETROCALL_OUTBOUND;
    options.frame_samples = 160;
    options.depth_ms = 1000;
    options.informed = RETROCALL_INFORMED_BY_AGENT;
    EXPECT(retrocall_begin(engine, &options, &call), RETROCALL_ACCEPTED);
    EXPECT((int)strlen(retrocall_error(engine)), 0);
    EXPECT((int)strlen(retrocall_id(call)), 36);
    EXPECT((int)strlen(retrocall_continues(call)), 0);
    EXPECT(retrocall_fd(engine) >= 0, 1);
    EXPECT(retrocall_reconnect(call, 0), RETROCALL_ALREADY);

    talk();
    EXPECT(retrocall_mask(call), RETROCALL_ACCEPTED);
    EXPECT(look(call).masked, 1);
    talk(); /* silence: 160 to 320 */
    EXPECT(retrocall_unmask(call), RETROCALL_ACCEPTED);
    EXPECT(look(call).masked, 0);
    talk();
    EXPECT(retrocall_hold(call), RETROCALL_ACCEPTED);
    EXPECT(look(call).on_hold, 1);
    talk(); /* silence: 480 to 640 */
    EXPECT(retrocall_resume(call), RETROCALL_ACCEPTED);
    EXPECT(retrocall_dtmf(call, '#'), RETROCALL_ACCEPTED);
    EXPECT(retrocall_dtmf_on(call, '7', RETROCALL_AGENT), RETROCALL_ACCEPTED);
    EXPECT(retrocall_transfer(call, "bert"), RETROCALL_ACCEPTED);
    EXPECT(retrocall_object(call), RETROCALL_ACCEPTED);
    EXPECT(retrocall_record(call), RETROCALL_ACCEPTED);
    EXPECT(retrocall_copy(call), RETROCALL_ACCEPTED);
    EXPECT(retrocall_copy(call), RETROCALL_ALREADY);
    talk();
    EXPECT(retrocall_erase_last(call, 80 / 8000.0), RETROCALL_ACCEPTED); /* silence: 720 to 800 */
    talk();
    EXPECT(retrocall_private(call), RETROCALL_REFUSED);
    EXPECT(strlen(retrocall_error(engine)) > 10, 1);

    status = look(call);
    EXPECT(status.connected && status.recording && status.objected && status.copy && !status.ended && !status.kept, 1);
    EXPECT(!status.masked && !status.on_hold && !status.private_ && !status.incomplete && !status.left_out && !status.exempt, 1);
    EXPECT(status.positions[0] == at && status.positions[1] == at && status.dropped[0] == 0 && status.refused[1] == 0, 1);
    EXPECT((int)strlen(retrocall_path(call)), 0);
    EXPECT(retrocall_end(call), RETROCALL_ACCEPTED);
    UNTIL(call, status.kept);
    status = look(call);
    EXPECT(status.ended == 1 && status.ended_by == RETROCALL_BY_PHONE && status.went_on == 0, 1);
    printf("%s\n", retrocall_path(call));
    retrocall_close(engine);
    engine = NULL;
    EXPECT(look(call).connected, 0);
    retrocall_free(call);
    return 0;
}
