/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which requests are in flight on a loop: by their state (read/state.h, write/state.h), the oldest
 * first, published once a second for the page of cmd/requests_page.h. A copy: nothing of a request
 * is read by another thread.
 */
#pragma once

#include "base/limits.h"
#include "base/loop.h"
#include "base/request.h"
#include "base/snapshot.h"
#include "read/read.h"
#include "write/write.h"

#include <stdbool.h>
#include <stdint.h>

#define IN_FLIGHT_MAX 64 /* requests of one loop that are shown */
#define IN_FLIGHT_NAME_BYTES_MAX 63

struct in_flight_entry {
	char id[REQUEST_ID_BYTES_MAX + 1];
	char operation[IN_FLIGHT_NAME_BYTES_MAX + 1]; /* cut off where it is longer */
	const char *kind, *state, *waits_for;         /* constants */
	const char *node; /* lives as long as the process; NULL: at none */
	int64_t born_us;  /* monotonic */
};

struct in_flight {
	unsigned requests; /* in flight, shown or not */
	unsigned count;
	struct in_flight_entry entries[IN_FLIGHT_MAX]; /* [count], the oldest first */
};

/* One per loop, on its thread; the snapshot is read by any. */
struct in_flight_board {
	struct reads *reads;
	struct writes *writes;
	struct snapshot *snapshot; /* of struct in_flight; outlives the loop's requests */
	struct loop_timer timer;
	bool shows_any; /* what was published last was not empty */
};

/* Borrows both paths until in_flight_stop. */
void in_flight_start(struct in_flight_board *board, struct reads *reads, struct writes *writes);
void in_flight_stop(struct in_flight_board *board);
/* After in_flight_stop, with no reader left. */
void in_flight_free(struct in_flight_board *board);
