/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a node says of synchronous replication: its own setting, which standbys stream from it, and,
 * as a standby, by which name and from where it streams. Asked of nodes whose status says that
 * synchronous_standby_names is set; it can change at any time.
 *
 * The name is the one of the connection that the walreceiver has now: not what some setting would
 * make of the next one.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/text.h"
#include "router/cluster/sync_names.h"

#include <stdbool.h>
#include <stdint.h>

#define STANDBYS_SENDER_BYTES 256 /* "HOST PORT" */
#define STANDBYS_SENDERS_MAX (2 * NODES_MAX)

/* How sure a node is of what it said. */
enum standbys_state {
	STANDBYS_UNASKED,    /* it has no such setting, or was not asked yet */
	STANDBYS_UNREADABLE, /* it keeps something from our role, or says more than can be kept */
	STANDBYS_READ,
};

struct standbys {
	enum standbys_state state;
	struct sync_names setting;
	bool waits;         /* commits wait for standbys, by all that settings of roles say */
	bool decoder_named; /* one who decodes acknowledges by a name of the setting */
	char cluster_name[SYNC_NAME_BYTES]; /* "": none */
	/* Who streams from it, by application_name. */
	unsigned senders_count;
	char senders[STANDBYS_SENDERS_MAX][SYNC_NAME_BYTES];
	/* Of a standby with a walreceiver; "": not known. */
	char name[SYNC_NAME_BYTES];
	char sender[STANDBYS_SENDER_BYTES];
};

extern const char standbys_query[];

/* row: a JSON object as pg/ encodes it. */
void standbys_read(struct standbys *standbys, struct text row);
/* The application_name in what pg_stat_wal_receiver shows of a connection; false: not known for
 * sure. */
bool standbys_read_name(char name[SYNC_NAME_BYTES], struct text conninfo) must_check;
