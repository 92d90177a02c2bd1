/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GET /v1/jobs/ID/events: the states of a job as server-sent events, in a reply that is sent while
 * it grows. The first state is asked for as any request asks for a job; from then on news of it
 * (write/jobs/watch.h) lead to a question of its own, whose row is the next event.
 *
 *   event: state
 *   id: 5                   another one for each state and attempt; "end" for a final state
 *   data: {"job":{…}}       as GET /v1/jobs/ID answers
 *
 * After an event with "end" the reply is whole. A client that has that one already
 * (Last-Event-ID: end) gets 204, by which a browser's EventSource does not come back. Every 15 s
 * without an event there is a comment. The reply also ends, for the client to ask again, after
 * JOB_EVENTS_US_MAX, when the service ends, and when the primary is another one or cannot be asked.
 * No state is asked for while the client has not taken what came before: a slow one skips some.
 */
#pragma once

#include "base/request.h"

/* The step, for await_job_step: the document of the first state is in request->out. */
enum step job_events_step(struct request *request);
