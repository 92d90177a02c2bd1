/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all loops know of reaching a node: logins that it refuses, and conns that its name led to
 * another server than the one that the monitor looks at.
 *
 * A refused login costs the node a process and, with a password, a key derivation. So the next one
 * waits: twice as long after each refusal in a row, jittered, until one succeeds. The pause is one
 * for all that share this struct: the first that asks when it has ended takes the turn. A node that
 * cannot be reached at all refuses no logins; pg/janitor.c paces those dials by itself.
 *
 * Lock-free, any thread.
 */
#pragma once

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define RECONNECT_PAUSE_US_MIN (50 * US_PER_MS)
#define RECONNECT_PAUSE_US_MAX (3 * US_PER_S)
#define RECONNECT_FULL_US (10 * US_PER_S)           /* a refusal of that age says nothing of now */
#define RECONNECT_STARTING_US_MAX (400 * US_PER_MS) /* of a server that starts up or shuts down */

/* Which limit of connections a login was refused for: SQLSTATE 53300. */
enum conn_limit { CONN_LIMIT_NONE, CONN_LIMIT_ROLE, CONN_LIMIT_DATABASE, CONN_LIMIT_SERVER };

/* Cleared memory: nothing was refused. */
struct reconnect {
	_Atomic unsigned refused;       /* logins in a row */
	_Atomic int64_t refused_us;     /* when the last of them was */
	_Atomic int64_t login_after_us; /* no login before */
	_Atomic unsigned strays;        /* conns that led to another server, ever */
	_Atomic enum conn_limit full;   /* what the last login was refused for, by any pool */
	_Atomic int64_t full_us;        /* when; 0: never */
};

/* When the pause ends; 0: there is none. */
int64_t reconnect_login_after_us(const struct reconnect *reconnect) must_check;
/* May a conn be dialed now? Takes the turn of this pause: others wait for what comes of it. */
bool reconnect_may_login(struct reconnect *reconnect, struct random *random,
			 int64_t now_us) must_check;
/* A login begun then was refused now. Several that were out at once count as one. starting: the
 * server said that it is starting up or shutting down, which should not take long. */
void reconnect_refused(struct reconnect *reconnect, struct random *random, bool starting,
		       int64_t begun_us, int64_t now_us);
/* A login succeeded, here or elsewhere: the next may begin at once. */
void reconnect_ended(struct reconnect *reconnect);

/* What libpq said of a login that failed, with PQERRORS_VERBOSE. */
enum conn_limit reconnect_limit_of(const char *message) must_check;
/* A login has failed, for that or another reason. */
void reconnect_note_limit(struct reconnect *reconnect, enum conn_limit full, int64_t now_us);
/* Does the node, which is up, grant no more connections at the moment? */
enum conn_limit reconnect_limit(const struct reconnect *reconnect, int64_t now_us) must_check;
/* "the connection limit of the role is reached"; not for CONN_LIMIT_NONE. A constant. */
const char *conn_limit_text(enum conn_limit full) must_check;
