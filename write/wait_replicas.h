/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prefer: wait-replicas=N. A command that has committed waits until N replicas have replayed its
 * position, and tells how many have. It is answered as committed whatever happens meanwhile: when
 * the time is over, the client goes away, replicas vanish, another primary is promoted or the
 * service drains, it tells the number of that moment.
 *
 *   committed ──► enough replicas show it already, or nothing to wait for ──► answered
 *       └──► parked in the heap of every replica in rotation ──► enough of them reached it,
 *            its time over, the client gone, the position lost, or draining ──► answered
 *
 * A replica counts once it was in rotation with the position replayed, on the position's timeline
 * or one to which the position survived. What was counted stays counted. More than there are
 * replicas in the configuration can never be reached: as many as there are will do. A command that
 * wrote nothing waits all the same, for the position that was flushed when it ended: what it found
 * done already may have been its own first try.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"

struct write;
struct writes;

/* The step between the commit and the reply. */
enum step wait_replicas_await(struct request *request) must_check;
/* Leaves every heap; nothing to do for a command that does not wait. */
void wait_replicas_forget(struct write *write);
/* After a new topology. */
void wait_replicas_refresh(struct writes *writes);
/* Commands that wait are answered now, and none waits from here on. */
void wait_replicas_drain(struct writes *writes);
