/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query with Prefer: after-job=ID, wait=N sees what that job did: first the job is asked for,
 * with that wait, as GET /v1/jobs/ID does (write/await_job.h), which is a request of its own to the
 * rate limits; then the query goes on with the token that came of it.
 *
 *   the job is done                       the query sees its effect
 *   it is dead, cancelled or discarded    the query is answered at once: there is nothing to see
 *   it has not ended in time              504 timeout
 *   it is not the caller's, or is none    404
 */
#pragma once

#include "base/request.h"
#include "write/write.h"

/* Takes the query, whose after_job is set. on_ready: it goes on; else its own on_done is called. */
void after_job_take(struct request *request, struct writes *writes,
		    void (*on_ready)(struct request *request, void *arg), void *arg);
