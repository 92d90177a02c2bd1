/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool that answers the monitor's questions from a script, on the loop's thread, a turn after
 * they were asked. The script may be changed by the test's thread at any time.
 */
#pragma once

#include "base/limits.h"

#include <pthread.h>
#include <stdbool.h>

/* NULL: no answer ever; SCRIPT_LOST: the conn is lost; SCRIPT_ERROR: PostgreSQL refuses;
 * SCRIPT_CONFLICT: a standby ends the query for what it replays. */
#define SCRIPT_LOST "lost"
#define SCRIPT_ERROR "error"
#define SCRIPT_CONFLICT "conflict"

struct script_node {
	const char *identity, *key, *status, *wal_flush, *lives;
	const char *life; /* lives, once its own was added */
	unsigned identities, keys, looks, wal_flushes, lives_asked, lives_added; /* so far */
	unsigned abandoned;
};

extern struct script_node script[NODES_MAX];
extern pthread_mutex_t script_mutex;
/* Signalled whenever something was asked or answered. */
extern pthread_cond_t script_changed;
