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

/* When a primary acknowledges a commit, by the settings of our role (synchronous_commit). */
enum commits { COMMITS_FLUSHED, COMMITS_EARLY };

/* Is synchronous_standby_names set there (router/cluster/standbys.h)? */
enum awaits { AWAITS_NONE, AWAITS_STANDBYS };

/* What one status query tells. */
struct node_status {
	bool in_recovery;
	uint64_t lsn;      /* primary: flush; standby: replayed, 0 before the first record */
	uint64_t received; /* standby: by the walreceiver; 0: nothing yet */
	/* Primary: where it left its ancestor, until it restarts; 0: it does not tell. */
	uint64_t switched;
	/* Primary that began without recovery: its last checkpoint; else 0. A clean stop ends with
	 * one, where all WAL of the lives before ended. */
	uint64_t checkpoint;
	int64_t started_us;   /* of the postmaster, wall */
	bool paused;          /* standby: its replay */
	bool amid;            /* primary: lsn may be amid a record (router/cluster/wal_flush.h) */
	enum commits commits; /* primary */
	enum awaits awaits;
	uint32_t timeline;    /* 0: not told */
	bool timeline_hidden; /* a walreceiver runs, but only pg_monitor may see its timeline */
	/* Hidden: the timeline of its last restartpoint. It is on that one or a later one. */
	uint32_t checkpointed;
};

/* Who the node is, and whether cqrsd's schema is there. */
#define NODE_STATUS_SERVER_BYTES 64
#define NODE_STATUS_LIMITS 5

struct identity {
	uint64_t system_identifier;
	bool schema;
	bool lives;         /* the lives of its log may be asked for */
	int64_t started_us; /* of the postmaster that told it, wall */
	/* its own address and port; "-" by a local socket */
	char server[NODE_STATUS_SERVER_BYTES];
	/* what a standby needs as much of as its primary */
	uint32_t limits[NODE_STATUS_LIMITS];
};

/* The settings of identity.limits: replay stops on a standby where one is less than the primary's
 * (PostgreSQL documentation, "Hot Standby", "Administrator's Overview"). */
extern const char *const node_status_limit_names[NODE_STATUS_LIMITS];

extern const char node_status_query[], node_status_identity_query[], node_status_key_query[];
/* A commit of nothing, which flushes all that was inserted before, and waits for no standby. */
extern const char node_status_wal_flush_query[];

/* row: a JSON object as pg/ encodes it, with one member, {"name":"text"}. The next three are false
 * where it is not what the statement answers. */
bool node_status_read(struct text row, struct node_status *status) must_check;
bool node_status_read_identity(struct text row, struct identity *identity) must_check;
bool node_status_read_key(struct text row, uint8_t key[SIGN_KEY_BYTES]) must_check;
/* For the readers of other answers: the text of such a row; false: it has none. */
bool node_status_cell(struct text row, struct text *cell) must_check;
/* What encode(…, 'hex') made of bytes; room for half as many as there are digits. */
bool node_status_bytes(struct text digits, uint8_t *bytes) must_check;
