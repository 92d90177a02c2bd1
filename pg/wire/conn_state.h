/* SPDX-License-Identifier: Apache-2.0 */
/* The states of a connection, as pg/wire/conn.h draws them; for those who only count them. */
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

/* "idle": for logs and as the label of a metric. A constant. */
const char *conn_state_text(enum conn_state state);
