/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a connection, as pg/wire/conn.h draws them; and how many there are. */
#pragma once

enum conn_state {
	CONN_CLOSED,
	CONN_DIALING,
	CONN_CONNECTING,
	CONN_IDLE,
	CONN_BUSY,
	CONN_CANCELING,
	CONN_STATES
};

/* How many conns are in each state. */
struct conn_counts {
	unsigned in[CONN_STATES];
};

/* One of them goes from one state to another. */
static inline void conn_counts_move(struct conn_counts *counts, enum conn_state from,
				    enum conn_state to)
{
	counts->in[from]--;
	counts->in[to]++;
}

/* "idle": for logs and as the label of a metric. A constant. */
const char *conn_state_text(enum conn_state state);
