/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the time of requests goes: queue (for a conn), wait (for a replica to catch up), db (from
 * send to last row), own (all the rest up to the reply). Which of them a request was in when its
 * time was over.
 */
#pragma once

struct task;

/* The time of the request is over; called before it lets go of what it waits for. */
void request_timing_missed(struct task *task);
/* The request is answered. A stage that it did not meet is not observed. */
void request_timing_observe(const struct task *task);
