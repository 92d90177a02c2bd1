/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the monitor asks a node, and how it reads the answer. Every statement answers one row of
 * one text column, words separated by blanks, so that there is nothing to escape.
 */
#pragma once

#include "base/check.h"
#include "base/position.h"
#include "base/sign.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

/* What one look tells. */
struct look {
	bool in_recovery;
	uint64_t lsn;      /* primary: flush; standby: replayed, 0 before the first record */
	uint64_t received; /* standby: by the walreceiver; 0: nothing yet */
	/* Primary: where it left its ancestor, until it restarts; 0: it does not tell. */
	uint64_t switched;
	int64_t started_us;   /* of the postmaster, wall */
	bool paused;          /* standby: its replay */
	bool amid;            /* primary: lsn may be amid a record (router/nudge.h) */
	uint32_t timeline;    /* 0: not told */
	bool timeline_hidden; /* a walreceiver runs, but only pg_monitor may see its timeline */
	/* Hidden: the timeline of its last restartpoint. It is on that one or a later one. */
	uint32_t checkpointed;
};

/* Who the node is, and whether cqrsd's schema is there. */
#define POLL_SERVER_BYTES 64
#define POLL_LIMITS 5

struct identity {
	uint64_t system_identifier;
	bool schema;
	int64_t started_us;             /* of the postmaster that told it, wall */
	char server[POLL_SERVER_BYTES]; /* its own address and port; "-" by a local socket */
	uint32_t limits[POLL_LIMITS];   /* what a standby needs as much of as its primary */
};

/* The settings of identity.limits: replay stops on a standby where one is less than the primary's
 * (PostgreSQL documentation, "Hot Standby", "Administrator's Overview"). */
extern const char *const poll_limit_names[POLL_LIMITS];

extern const char poll_look[], poll_identity[], poll_key[];
/* A commit of nothing, which flushes all that was inserted before, and waits for no standby. */
extern const char poll_nudge[];

/* row: a JSON object as pg/ encodes it, with one member. False: not what the statement answers. */
bool poll_read_look(struct text row, struct look *look) must_check;
bool poll_read_identity(struct text row, struct identity *identity) must_check;
bool poll_read_key(struct text row, uint8_t key[SIGN_KEY_BYTES]) must_check;
