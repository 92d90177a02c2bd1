/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is the same in the first step of every request: which operation, within its rate limits?
 * until when?
 */
#pragma once

#include "base/check.h"
#include "base/loop.h"
#include "base/request.h"

struct task;

/* Operation and rate limits, and whether anything can be answered at all; STEP_DONE with an outcome
 * if the request is refused. */
enum step admit_begin(struct task *task) must_check;
/* Of a query that no client asks: behind all others, neither limited nor refused for who asks. */
enum step admit_begin_own(struct task *task) must_check;
/* The same for a request about a job, which has no operation. */
enum step admit_begin_job(struct task *task) must_check;
/* The operation is known, if it has one. Sets the deadline, by what the operation and the client
 * want, and calls on_due then; on_client_gone: as request->on_client_gone. */
void admit_deadline(struct task *task, void (*on_due)(struct loop_timer *timer),
		    void (*on_client_gone)(struct request *request));
/* Ends the request as of a client that went away. */
void admit_client_gone(struct request *request);
