/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which conns of a pool are opened, and what the idle ones take from the queues of the lanes
 * (pg/lane.h). One loop's thread.
 */
#pragma once

struct pool;

/* Opens the conns that are needed and may be opened. */
void dispatch_open(struct pool *pool);
/* Idle conns take what waits, commands first. */
void dispatch_send(struct pool *pool);
