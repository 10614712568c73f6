/* retrocall.h: a softphone's end of retrocall. docs/softphone.md is its manual, examples/softphone.c a whole softphone.
 *
 * Generated from src/wire/capi (types.rs, handles.rs, functions.rs, controls.rs): change those, and let the test `header` write it again. */

#ifndef RETROCALL_H
#define RETROCALL_H

#include <stddef.h>
#include <stdint.h>

/**
 * The version of this header: 10000 for each major version, 100 for each minor one, 1 for each patch. retrocall_version tells that of the running
 * library.
 */
#define RETROCALL_VERSION 100

/**
 * Done.
 */
#define RETROCALL_ACCEPTED 0

/**
 * It was so before: nothing to worry about.
 */
#define RETROCALL_ALREADY 1

/**
 * Not done: retrocall_error says why. The phone call goes on regardless.
 */
#define RETROCALL_REFUSED 2

/**
 * The frame, or its end, found no room: it is dropped and leaves silence in its place. Go on counting positions.
 */
#define RETROCALL_FULL 3

/**
 * The connection is gone, or the call has ended: retrocall_error says which.
 */
#define RETROCALL_GONE 4

/**
 * An argument is wrong: NULL, out of its limits, or made by the parent of this process.
 */
#define RETROCALL_WRONG 5

/**
 * A bug of this library. Close the connection.
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
 * G.711 mu-law codes, as they come out of RTP: uint8_t.
 */
#define RETROCALL_ULAW 1

/**
 * G.711 A-law codes: uint8_t.
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
 * Nobody says how the customer was informed: the setting `informed` of the engine does.
 */
#define RETROCALL_INFORMED_AS_SET 0

/**
 * The customer was informed by an announcement.
 */
#define RETROCALL_INFORMED_BY_TAPE 1

/**
 * The customer was informed by the agent.
 */
#define RETROCALL_INFORMED_BY_AGENT 2

/**
 * The customer was not informed: the call can't be sampled.
 */
#define RETROCALL_NOT_INFORMED 3

/**
 * The call goes on, as far as anybody has said.
 */
#define RETROCALL_BY_NOBODY 0

/**
 * retrocall_end ended it.
 */
#define RETROCALL_BY_PHONE 1

/**
 * The engine ended it: its connection was lost for longer than the grace time.
 */
#define RETROCALL_BY_LOSS 2

/**
 * The engine ended it: it was stopped.
 */
#define RETROCALL_BY_STOP 3

/**
 * A connection to the engine, for any number of threads: a control is answered while another thread is in retrocall_wait. A child process after
 * fork can't use it, and connects anew.
 */
typedef struct retrocall retrocall;

/**
 * A call. One thread at a time pushes each of its legs, whatever other threads do.
 */
typedef struct retrocall_call retrocall_call;

/**
 * The result of a function: RETROCALL_ACCEPTED or another of the seven. The table lists all results of each function, except RETROCALL_FAULT.
 * Only retrocall_push is fit for an audio callback.
 *
 * | function | case | returns |
 * |---|---|---|
 * | retrocall_connect | an engine listens there | ACCEPTED |
 * | retrocall_connect | no engine listens there | GONE |
 * | retrocall_connect | the path is NULL, empty or over 107 bytes | WRONG |
 * | retrocall_connect | `engine` is NULL | WRONG |
 * | retrocall_begin | the call is captured | ACCEPTED |
 * | retrocall_begin | `customer` is NULL or "" | ACCEPTED |
 * | retrocall_begin | `customer`, `direction`, `frame_samples`, `depth_ms`, `continues`, `informed` or a state can't be used: `left_out` | ACCEPTED |
 * | retrocall_begin | the engine takes no more calls, or not this agent's from this user | REFUSED |
 * | retrocall_begin | `agent` is no name, or is NULL and this user may act for all | WRONG |
 * | retrocall_begin | `rate` or `codec` is out of its limits | WRONG |
 * | retrocall_begin | `size` is not the size of the options | WRONG |
 * | retrocall_begin | an argument is NULL | WRONG |
 * | retrocall_begin | the connection is gone | GONE |
 * | retrocall_attach | the call had lost its connection | ACCEPTED |
 * | retrocall_attach | the call has its connection, is over, or is another agent's | REFUSED |
 * | retrocall_attach | `id` is NULL or no id, `size` is not the size of the options, or another argument is NULL | WRONG |
 * | retrocall_attach | the connection is gone | GONE |
 * | retrocall_reconnect | the call goes on, as it was or as another one | ACCEPTED |
 * | retrocall_reconnect | the call never stopped | ALREADY |
 * | retrocall_reconnect | the engine that is there does not take it | REFUSED |
 * | retrocall_reconnect | no engine came in time, or the call was ended by retrocall_end | GONE |
 * | retrocall_reconnect | the call is NULL | WRONG |
 * | retrocall_push | the frame is there for the engine to take, or has no samples | ACCEPTED |
 * | retrocall_push | there is no room for it | FULL |
 * | retrocall_push | the call has ended, or another function has found that the connection is gone | GONE |
 * | retrocall_push | the call or the samples are NULL, the leg is none, or the frame ends beyond 2^64 | WRONG |
 * | retrocall_push | over 5760 samples, or more than all the room there is: 120 ms always fit | WRONG |
 * | a control | it is done | ACCEPTED |
 * | a control | it was so before | ALREADY |
 * | a control | the engine does not do it, like retrocall_private after retrocall_record | REFUSED |
 * | a control | the call has ended, and the desk gives no time for a late press | GONE |
 * | a control | the connection is gone | GONE |
 * | a control | the call is NULL | WRONG |
 * | retrocall_erase_last | 0 seconds, fewer, NaN, or over 86400 | WRONG |
 * | retrocall_transfer | `to` is NULL or no name | WRONG |
 * | retrocall_dtmf | the digit is none | WRONG |
 * | retrocall_dtmf_on | the digit or the leg is none | WRONG |
 * | retrocall_end | the call is over | ACCEPTED |
 * | retrocall_end | it was over before | ALREADY |
 * | retrocall_end | the connection is gone | GONE |
 * | retrocall_end | the call is NULL | WRONG |
 * | retrocall_look | the status is filled in, also of a call that is over and without a connection | ACCEPTED |
 * | retrocall_look | an argument is NULL, or `size` is not the size of the status | WRONG |
 * | retrocall_wait | the engine has said something, or the time is over | ACCEPTED |
 * | retrocall_wait | the connection is gone | GONE |
 * | retrocall_wait | the connection is NULL | WRONG |
 * | retrocall_fd | the connection is NULL | -1 |
 * | any but retrocall_fd | in a child after fork, with what its parent made | WRONG |
 *
 * The controls are the functions from retrocall_record to retrocall_dtmf_on. Functions that return a text return "" where there is none;
 * retrocall_free and retrocall_close do nothing with NULL, or in a child.
 */
typedef int retrocall_result;

/**
 * The announcement of a call: fill it with zeros, then set `size` and what you know. Each field says what 0 or NULL means. An unusable
 * `customer`, `direction`, `frame_samples`, `depth_ms` or later field is left out, and the call is captured without it.
 */
typedef struct retrocall_options {
  /**
   * sizeof(retrocall_options).
   */
  size_t size;
  /**
   * The agent who talks: 1 to 64 characters. NULL: the agent of this user.
   */
  const char *agent;
  /**
   * The customer's number. NULL or "": not known.
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
   * The usual length of a frame in samples, at most 5760. 0: 20 ms.
   */
  uint32_t frame_samples;
  /**
   * How long the engine may be kept from its work before a frame finds no room: 120 to 10000 ms. 0: 500 ms. An engine that lacks the memory
   * gives 500 ms.
   */
  uint32_t depth_ms;
  /**
   * The id of an earlier call of another process that this one continues. NULL or "": there was none.
   */
  const char *continues;
  /**
   * 1: record was pressed before. This, the next four and `copy` hold from the first sample on.
   */
  int recording;
  /**
   * 1: it was masked.
   */
  int masked;
  /**
   * 1: the customer was on hold.
   */
  int on_hold;
  /**
   * 1: it was private.
   */
  int private_;
  /**
   * 1: the customer objected to training.
   */
  int objected;
  /**
   * 1: the customer wanted a copy.
   */
  int copy;
  /**
   * How the customer was informed: RETROCALL_INFORMED_AS_SET (0), RETROCALL_INFORMED_BY_TAPE, RETROCALL_INFORMED_BY_AGENT or
   * RETROCALL_NOT_INFORMED.
   */
  int informed;
} retrocall_options;

/**
 * The status of a call, whoever changed it: this process, a hotkey, another program, the engine.
 */
typedef struct retrocall_status {
  /**
   * sizeof(retrocall_status): set it before you ask. At most this many bytes are written.
   */
  size_t size;
  /**
   * 1: a connection carries the call.
   */
  int connected;
  /**
   * 1: record was pressed.
   */
  int recording;
  /**
   * 1: it is masked.
   */
  int masked;
  /**
   * 1: the customer is on hold.
   */
  int on_hold;
  /**
   * 1: it is private, and nothing of it is held.
   */
  int private_;
  /**
   * 1: the customer objects to training.
   */
  int objected;
  /**
   * 1: the call is over.
   */
  int ended;
  /**
   * What ended it: RETROCALL_BY_NOBODY (0), RETROCALL_BY_PHONE, RETROCALL_BY_LOSS or RETROCALL_BY_STOP.
   */
  int ended_by;
  /**
   * 1: the recording is durable; retrocall_path says where.
   */
  int kept;
  /**
   * 1: some audio is lost: frames found no room or were refused, the engine's memory was full, or the call was continued as another one.
   */
  int incomplete;
  /**
   * 1: the disk refuses the recording now. It stays in memory until the disk takes it.
   */
  int disk_trouble;
  /**
   * 1: an option could not be used. After retrocall_begin or retrocall_reconnect, retrocall_error says which.
   */
  int left_out;
  /**
   * How often the call was continued as another one after the engine, or the call there, was gone.
   */
  uint32_t went_on;
  /**
   * The position at which the engine's current call began: 0 until it was continued as another one.
   */
  uint64_t began;
  /**
   * Behind the last pushed sample, agent first.
   */
  uint64_t positions[2];
  /**
   * Frames that found no room, agent first.
   */
  uint64_t dropped[2];
  /**
   * Frames that the engine refused, for example for a position far ahead, agent first.
   */
  uint64_t refused[2];
  /**
   * 1: the customer wants a copy: the call is kept for that.
   */
  int copy;
  /**
   * 1: the call is on a line that is never captured (`never_capture`): nothing of it is held.
   */
  int exempt;
} retrocall_status;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * The version of the running library, in the form of RETROCALL_VERSION.
 */
uint32_t retrocall_version(void);

/**
 * Connects to the engine that listens on this socket: engine.sock in its home. *engine is set in any case, so that retrocall_error can explain a
 * failure; close it with retrocall_close in any case. May take 30 s.
 */
retrocall_result retrocall_connect(const char *socket,
                                   struct retrocall **engine);

/**
 * The last error of this thread, or else of the connection: a sentence for people, with a next step; "" if there was none. The text stays until
 * this thread calls the next function with this connection or one of its calls.
 */
const char *retrocall_error(const struct retrocall *engine);

/**
 * Announces a call: it begins now, at position 0. If this returns RETROCALL_ACCEPTED, *call is set; free it with retrocall_free. If it returns
 * anything else, let the phone call go on uncaptured.
 */
retrocall_result retrocall_begin(struct retrocall *engine,
                                 const struct retrocall_options *options,
                                 struct retrocall_call **call);

/**
 * Takes over a live call that has lost its connection, for example after the softphone was restarted. Only the options `frame_samples` and
 * `depth_ms` count; NULL means zeros. retrocall_look tells in `positions` where each leg goes on, and the states of the call. Push on at the
 * current position of your audio. If the engine no longer knows the call (RETROCALL_REFUSED), use retrocall_begin with `continues`.
 */
retrocall_result retrocall_attach(struct retrocall *engine,
                                  const char *id,
                                  const struct retrocall_options *options,
                                  struct retrocall_call **call);

/**
 * Continues a call after its connection was lost or the engine was stopped or killed. Looks for the engine for this long, connects again, and
 * takes the call over. If the engine no longer knows the call, the rest becomes another call, which names this one (`continues`) and keeps its
 * states: if record was pressed it goes on recording, and a masked or private call stays so. A record, mask, hold, private or object without an
 * answer is asked for again. Positions count on. Keep pushing meanwhile; until then a push returns RETROCALL_GONE. Continue the connection's
 * other calls one by one.
 */
retrocall_result retrocall_reconnect(struct retrocall_call *call,
                                     uint32_t timeout_ms);

/**
 * Hands over a frame of one leg: this many samples, the first at this position, counted in samples since the call began. A frame may have any
 * length up to 120 ms. Both legs share one timeline: count on, also over lost samples.
 *
 * Fit for an audio callback: wait-free, without locks, allocations or system calls, whatever the engine does or fails to do, even if it is gone
 * (checked with RealtimeSanitizer). One thread at a time may push a leg; the two legs may have two threads. Returns RETROCALL_ACCEPTED,
 * RETROCALL_FULL (the frame is dropped: go on), RETROCALL_GONE (the call has ended, or the connection is lost) or RETROCALL_WRONG. Only a system
 * call can find that a connection is lost, so a push learns it from another function: call retrocall_wait or retrocall_look now and then.
 */
retrocall_result retrocall_push(struct retrocall_call *call,
                                int leg,
                                uint64_t position,
                                const void *samples,
                                size_t count);

/**
 * Fills in the status of a call, from what the engine has said until now. Waits for nothing.
 */
retrocall_result retrocall_look(const struct retrocall_call *call, struct retrocall_status *status);

/**
 * The id of a call: 36 characters, valid until retrocall_free. After retrocall_reconnect it may be a new one.
 */
const char *retrocall_id(const struct retrocall_call *call);

/**
 * The id of the call that this call continues; "" if there is none. Valid until the next call of this function, or retrocall_free.
 */
const char *retrocall_continues(const struct retrocall_call *call);

/**
 * The path of a call's recording; "" if it is not kept yet. Valid until the next call of this function, or retrocall_free.
 */
const char *retrocall_path(const struct retrocall_call *call);

/**
 * Listens to the engine, until it says something (also to another function meanwhile) or the time is over. Call it now and then, or in a thread
 * of its own, and look at the status.
 */
retrocall_result retrocall_wait(struct retrocall *engine,
                                uint32_t timeout_ms);

/**
 * A descriptor for poll, select or epoll: readable (POLLIN) when retrocall_wait with 0 ms has something to hear. It stays the same until
 * retrocall_close, also over lost connections. Don't read from it, and don't close it.
 */
int retrocall_fd(const struct retrocall *engine);

/**
 * Frees a call: stop pushing before. A call that was not ended goes on without audio until the connection is closed.
 */
void retrocall_free(struct retrocall_call *call);

/**
 * Closes the connection, before or after its calls are freed; no other thread may be in a function with it. A call that was not ended ends after
 * the engine's grace time.
 */
void retrocall_close(struct retrocall *engine);

/**
 * Record: keeps the whole call, from its first second until hangup. This and all controls below wait for the engine's answer. That takes less
 * than a millisecond, but up to a minute if the engine is stuck: not for an audio callback.
 */
retrocall_result retrocall_record(struct retrocall_call *call);

/**
 * The customer wants a copy: keeps the whole call, as retrocall_record does, for that purpose.
 */
retrocall_result retrocall_copy(struct retrocall_call *call);

/**
 * Silences both legs from now on; nothing of them is held (card numbers).
 */
retrocall_result retrocall_mask(struct retrocall_call *call);

/**
 * Ends a mask.
 */
retrocall_result retrocall_unmask(struct retrocall_call *call);

/**
 * Silences the last seconds, in memory and in files. More than 0, at most a day; more than the call has means all of it.
 */
retrocall_result retrocall_erase_last(struct retrocall_call *call,
                                      double seconds);

/**
 * Puts the customer on hold: both legs are silent until retrocall_resume.
 */
retrocall_result retrocall_hold(struct retrocall_call *call);

/**
 * Ends a hold.
 */
retrocall_result retrocall_resume(struct retrocall_call *call);

/**
 * Makes the call private: wipes the held audio, and holds nothing more.
 */
retrocall_result retrocall_private(struct retrocall_call *call);

/**
 * The customer objects to training: the call can't be sampled.
 */
retrocall_result retrocall_object(struct retrocall_call *call);

/**
 * Gives the call to another agent.
 */
retrocall_result retrocall_transfer(struct retrocall_call *call, const char *to);

/**
 * Tells that a key of the phone was pressed: one of 0 to 9, *, #, A to D.
 */
retrocall_result retrocall_dtmf(struct retrocall_call *call, char digit);

/**
 * The same, with the leg on which it was pressed: RETROCALL_AGENT or RETROCALL_CUSTOMER. Only so can keys of the phone record a call, or be an
 * objection (`record_keys`, `object_keys`).
 */
retrocall_result retrocall_dtmf_on(struct retrocall_call *call,
                                   char digit,
                                   int leg);

/**
 * Hangs up. Frames pushed before belong to the call; a later push returns RETROCALL_GONE. The engine completes the recording in any case. To
 * learn where it is, retrocall_wait until the status says `kept`.
 */
retrocall_result retrocall_end(struct retrocall_call *call);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RETROCALL_H */
