/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast keys are asked again: never so that the nodes get more within a second than clients
 * alone have given them in one since the list began, and a twentieth of that; or WARM_PACE_FEW
 * queries, where that is more.
 *
 *   GROUPS ──a twentieth more than clients missed in a second is more than WARM_PACE_FEW──► FILLS
 *
 * GROUPS: one group at a time; after it a rest of four times what it took. So it has a fifth of the
 * time of one conn to each node, however fast or slow they are. What clients miss and what
 * is asked again are together WARM_PACE_FEW a second at most.
 * FILLS: within each second, what clients miss and what is asked again are together at most
 * WARM_PACE_PERCENT of what clients missed in the second in which they missed most: of the queries;
 * and WARM_PACE_TIME_PERCENT of the time that these are estimated to take. As answers are kept
 * again clients miss less, and the list takes their place: the load stays what it was, and all of
 * it fills the cache. Within 50 ms it is a quarter more at most.
 *
 * Policy only. Times are microseconds of the loop's clock.
 */
#pragma once

#include "base/check.h"
#include "read/cache/misses.h"

#include <stdbool.h>
#include <stdint.h>

#define WARM_PACE_FEW 1000
#define WARM_PACE_PERCENT 105
#define WARM_PACE_TIME_PERCENT 120
#define WARM_PACE_SAMPLE_US 50000  /* so often there is a sample, at least */
#define WARM_PACE_UNKNOWN_US 10000 /* what a statement may take that has never run */
#define WARM_PACE_SLOTS 21         /* a second, and the one under way */

enum warm_pace_kind { WARM_PACE_GROUPS, WARM_PACE_FILLS };

struct warm_pace {
	enum warm_pace_kind kind;
	struct misses_sum seen;                     /* of clients, with the last sample */
	struct misses_sum slots[WARM_PACE_SLOTS];   /* what the nodes got, in 50 ms each */
	struct misses_sum clients[WARM_PACE_SLOTS]; /* of it, what clients missed */
	struct misses_sum all, of_clients;          /* of all slots */
	struct misses_sum most;                     /* of_clients, since the list began */
	int64_t slot;                               /* the newest, counted from time 0 */
	unsigned group;                             /* keys of the next one, at most */
	int64_t due_us;                             /* before that it may not leave */
};

/* A list begins. clients: their misses so far. */
void warm_pace_begin(struct warm_pace *pace, struct misses_sum clients, int64_t now_us);
/* What clients have missed up to now. */
void warm_pace_sample(struct warm_pace *pace, struct misses_sum clients, int64_t now_us);

/* FILLS: may one more be asked? */
bool warm_pace_allows(const struct warm_pace *pace) must_check;
/* One was, that is expected to take so long in the server; 0: it is not known. */
void warm_pace_asked(struct warm_pace *pace, int64_t expected_us);

/* GROUPS: how many the next one may be; 0: none may leave now. None may be out. */
unsigned warm_pace_group(const struct warm_pace *pace, int64_t now_us) must_check;
/* It has come back. */
void warm_pace_group_over(struct warm_pace *pace, int64_t took_us, int64_t now_us);
