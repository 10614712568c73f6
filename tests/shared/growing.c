/* A program that was compiled with another version's header than the library has: growing SOCKET. Behind its structures stands what nobody may
 * touch. */
#include "stage.h"

int main(int argc, char **argv)
{
    (void)argc;
    struct {
        retrocall_options options;
        unsigned char behind[64];
    } said;
    struct {
        retrocall_status status;
        unsigned char behind[64];
    } told;
    retrocall_call *call;
    int16_t samples[160] = {1};
    memset(&said, 0xee, sizeof said);
    memset(&told, 0xee, sizeof told);
    said.options = options_of("anna");
    said.options.depth_ms = 1000;
    EXPECT(retrocall_connect(argv[1], &engine), RETROCALL_ACCEPTED);
    EXPECT(retrocall_begin(engine, &said.options, &call), RETROCALL_ACCEPTED);
    EXPECT(retrocall_push(call, RETROCALL_AGENT, 0, samples, 160), RETROCALL_ACCEPTED);
    EXPECT(retrocall_mask(call), RETROCALL_ACCEPTED);
    told.status.size = sizeof told.status;
    EXPECT(retrocall_look(call, &told.status), RETROCALL_ACCEPTED);
    EXPECT(told.status.size == sizeof told.status && told.status.masked && told.status.connected, 1);
    EXPECT(told.status.positions[RETROCALL_AGENT] == 160 && !told.status.left_out && !told.status.objected, 1);
    for (size_t i = 0; i < sizeof told.behind; i++)
        EXPECT(told.behind[i], 0xee);
#ifdef NEWER
    /* What this library does not know of it says nothing of. */
    EXPECT(told.status.newer == 0, 1);
#endif
    EXPECT(retrocall_end(call), RETROCALL_ACCEPTED);
    retrocall_free(call);
    retrocall_close(engine);
    return 0;
}
