/* retrocall.h: a softphone's end of retrocall. docs/softphone.md is its manual, examples/softphone.c a whole softphone.
 *
 * Generated from src/capi/functions.rs: change that, and let the test `header` write it again. */

#ifndef RETROCALL_H
#define RETROCALL_H

#include <stddef.h>
#include <stdint.h>

/**
 * Done.
 */
#define RETROCALL_ACCEPTED 0

/**
 * It was so before: nothing to worry about.
 */
#define RETROCALL_ALREADY 1

/**
 * Not done: retrocall_error says why. The phone call goes on, whatever it was.
 */
#define RETROCALL_REFUSED 2

/**
 * There was no room for the frame, or for its end: it is dropped and becomes silence in its place. Go on counting positions.
 */
#define RETROCALL_FULL 3

/**
 * The connection is gone, or the call has ended. retrocall_error says why the connection is gone.
 */
#define RETROCALL_GONE 4

/**
 * An argument is wrong: NULL, out of its limits, or text that is not UTF-8.
 */
#define RETROCALL_WRONG 5

/**
 * A fault of this library. The connection should be closed.
 */
#define RETROCALL_FAULT 6

/**
 * The leg of the agent: the left channel of a recording.
 */
#define RETROCALL_AGENT 0

/**
 * The leg of the customer: the right channel.
 */
#define RETROCALL_CUSTOMER 1

/**
 * Linear samples: int16_t, in the byte order of a PC (little-endian).
 */
#define RETROCALL_PCM16 0

/**
 * Codes of G.711 mu-law, as they come out of RTP: uint8_t.
 */
#define RETROCALL_ULAW 1

/**
 * Codes of G.711 A-law: uint8_t.
 */
#define RETROCALL_ALAW 2

/**
 * The customer called.
 */
#define RETROCALL_INBOUND 0

/**
 * The agent called.
 */
#define RETROCALL_OUTBOUND 1

/**
 * A connection to the engine. One thread at a time uses it and its calls; but for retrocall_push.
 */
typedef struct retrocall retrocall;

/**
 * A call. Each of its legs is pushed by one thread at a time, whatever other threads do.
 */
typedef struct retrocall_call retrocall_call;

/**
 * What a call is announced with. What is 0 or NULL has the value that is said with it.
 */
typedef struct retrocall_options {
  /**
   * Who talks for the desk: 1 to 64 characters. NULL: the agent that this user is.
   */
  const char *agent;
  /**
   * The customer's number. NULL: not known.
   */
  const char *customer;
  /**
   * RETROCALL_INBOUND (0) or RETROCALL_OUTBOUND.
   */
  int direction;
  /**
   * RETROCALL_PCM16 (0), RETROCALL_ULAW or RETROCALL_ALAW; the same for both legs.
   */
  int codec;
  /**
   * Samples a second, the same for both legs: 8000 to 48000.
   */
  uint32_t rate;
  /**
   * Samples that a frame usually has. 0: 20 ms.
   */
  uint32_t frame_samples;
} retrocall_options;

/**
 * How a call is.
 */
typedef struct retrocall_status {
  /**
   * 1: there is a connection.
   */
  int connected;
  /**
   * 1: record was pressed, here or elsewhere.
   */
  int recording;
  /**
   * 1: the call is over, by retrocall_end or by the engine.
   */
  int ended;
  /**
   * 1: the recording is on disk for good; retrocall_path says where.
   */
  int kept;
  /**
   * Behind the last sample that was pushed, agent first.
   */
  uint64_t positions[2];
  /**
   * Frames that there was no room for, agent first.
   */
  uint64_t dropped[2];
} retrocall_status;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Connects to the engine that listens on this socket: engine.sock in its home. *engine is set in any case, so that retrocall_error can say
 * what went wrong, and must be given to retrocall_close in any case. May take 30 s.
 */
int retrocall_connect(const char *socket,
                      struct retrocall **engine);

/**
 * What went wrong last on this connection: a sentence for people, with what to do; "" if nothing did. It is there until the next function
 * is called with this connection or one of its calls.
 */
const char *retrocall_error(const struct retrocall *engine);

/**
 * Announces a call: it begins now, at position 0. *call is set if this is RETROCALL_ACCEPTED, and must be given to retrocall_free then. If it
 * is anything else, let the phone call go on uncaptured.
 */
int retrocall_begin(struct retrocall *engine,
                    const struct retrocall_options *options,
                    struct retrocall_call **call);

/**
 * Hands over a frame of one leg: so many samples, the first of them at this position, counted in samples since the call began. Any number up
 * to 120 ms. Both legs share one timeline: count on, also over what is lost.
 *
 * Fit for an audio callback: wait-free, no lock, no allocation, no system call, whatever the engine does or fails to do, also if it is gone
 * (checked with RealtimeSanitizer). Each leg has one thread at a time; the two legs may have two. Returns RETROCALL_ACCEPTED,
 * RETROCALL_FULL (the frame is dropped: go on), RETROCALL_GONE (the call has ended) or RETROCALL_WRONG.
 */
int retrocall_push(struct retrocall_call *call,
                   int leg,
                   uint64_t position,
                   const void *samples,
                   size_t count);

/**
 * The button: the whole call is kept, from its first second until hangup. This and all functions below wait for the engine's answer, a
 * minute at most: not for an audio callback.
 */
int retrocall_record(struct retrocall_call *call);

/**
 * Both legs are silence from now on, and are not held (card numbers).
 */
int retrocall_mask(struct retrocall_call *call);

/**
 * Ends a mask.
 */
int retrocall_unmask(struct retrocall_call *call);

/**
 * The last seconds become silence, in memory and in whatever is already written.
 */
int retrocall_erase_last(struct retrocall_call *call, double seconds);

/**
 * The customer waits: both legs are silence until retrocall_resume.
 */
int retrocall_hold(struct retrocall_call *call);

/**
 * Ends a hold.
 */
int retrocall_resume(struct retrocall_call *call);

/**
 * Not this call: what is held is wiped, and nothing more is held.
 */
int retrocall_private(struct retrocall_call *call);

/**
 * The customer objects to training: the call can't be sampled.
 */
int retrocall_object(struct retrocall_call *call);

/**
 * Another agent talks from now on.
 */
int retrocall_transfer(struct retrocall_call *call, const char *to);

/**
 * A key was pressed on the phone: one of 0 to 9, *, #, A to D.
 */
int retrocall_dtmf(struct retrocall_call *call, char digit);

/**
 * Hangup. What was pushed before is of the call; a push that comes later is answered with RETROCALL_GONE. If record was pressed,
 * retrocall_wait until the status says `kept`, if you want to know where; the engine completes the recording in any case.
 */
int retrocall_end(struct retrocall_call *call);

/**
 * Fills in how a call is, from what the engine has said until now. Waits for nothing.
 */
int retrocall_look(const struct retrocall_call *call, struct retrocall_status *status);

/**
 * The id of a call: 36 characters, there until retrocall_free.
 */
const char *retrocall_id(const struct retrocall_call *call);

/**
 * Where the recording of a call is; "" if it is not kept yet. There until this is asked again, or retrocall_free.
 */
const char *retrocall_path(const struct retrocall_call *call);

/**
 * Hears what the engine says, until it says something or the milliseconds are over. Call it now and then, and look at the status.
 */
int retrocall_wait(struct retrocall *engine,
                   uint32_t timeout_ms);

/**
 * Forgets a call: stop pushing before. A call that was not ended goes on without audio until the connection is closed.
 */
void retrocall_free(struct retrocall_call *call);

/**
 * Closes the connection, before or after its calls are freed. A call that was not ended ends after the engine's grace time.
 */
void retrocall_close(struct retrocall *engine);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RETROCALL_H */
