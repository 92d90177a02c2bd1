/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries for an answer that is not kept: of those with one key, over all loops, one goes to a
 * node, and the others wait until it has come back. What it brought is then kept, or is not; each
 * of them sees for itself.
 *
 *   ──board──► leads ──────────────── land ─► nothing is held
 *      └─────► follows ─┬─ on_landed ───────► nothing is held
 *                       └─ leave ───────────►
 *
 * Shared by all loops, behind a lock that is held for a moment; who finds what is kept takes none.
 */
#pragma once

#include "base/check.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>

struct cache_flights;
struct cache_flight;

struct cache_flights *cache_flights_new(uint64_t seed) must_check;
/* No desk may be left. */
void cache_flights_free(struct cache_flights *flights);

/* One per loop, for its followers. On its thread. */
struct flight_desk;
struct flight_desk *flight_desk_new(struct cache_flights *flights, struct loop *loop) must_check;
/* None may lead or follow. */
void flight_desk_free(struct flight_desk *desk);

/* All zeros: holds nothing. */
struct flight_seat {
	struct list_link link; /* of a follower, at its desk */
	struct list *list;
	struct cache_flight *flight;
	bool leads;
	/* Of a follower, set before it boards: it holds nothing any more, and may be freed. */
	void (*on_landed)(struct flight_seat *seat);
};

/* True: it leads. False: it follows. The key is copied. */
bool flight_board(struct flight_desk *desk, struct flight_seat *seat, struct text key) must_check;
/* Whatever came of it. Nothing, for one that does not lead. */
void flight_land(struct flight_desk *desk, struct flight_seat *seat);
/* It follows no more. */
void flight_leave(struct flight_desk *desk, struct flight_seat *seat);
