/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path of a command: to the primary, then the session entry, then the reply. The states are
 * drawn in write/state.h. One writes per loop, on the loop's thread.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"
#include "write/state.h"

/* Borrows the router until writes_fini, and what all loops of the process share. */
void writes_init(struct writes *writes, struct router *router, struct writes_shared *shared);
/* No command may be on its way. *writes lives on while other loops of the process do. */
void writes_fini(struct writes *writes);
/* This loop does the background work of the process (write/sweep.h): one of its loops. Borrows the
 * occupancy as the next. */
void writes_work(struct writes *writes, struct job_occupancy *occupancy);
/* The router has another catalog. */
void writes_reload(struct writes *writes);
/* So many workers of this loop run jobs, which may be 0. At most once. Borrows the occupancy until
 * writes_fini; one for all loops of the process. */
void writes_run_jobs(struct writes *writes, struct job_occupancy *occupancy, unsigned workers);
/* The service ends: no batch of jobs is begun any more; who waits for a job, or has committed and
 * waits for replicas, is answered, and none waits for them from here on. Requests under way go on.
 */
void writes_drain(struct writes *writes);
/* Takes the request, which is no query, until its on_done. */
void write_take(struct writes *writes, struct request *request);
/* The node that a command was sent to; NULL: none yet. */
const struct node *write_node(struct request *request) must_check;
/* Names and order of enum write_state: of commands, and of jobs that are asked for. */
extern const struct request_path write_path, job_path;
