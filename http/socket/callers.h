/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each caller (http/socket/client_address.h) holds of a listener, and who holds the most: the
 * one from whom something is taken first when there is too little for all (http/share.h). A caller
 * is known while it has a connection, so that there are never more of them than connections. All
 * connections that have no address of the internet are of one caller without a name. One thread.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/list.h"

#include <stddef.h>
#include <stdint.h>

struct sockaddr;

enum callers_good {
	CALLERS_PLACES, /* connections that are not closing */
	CALLERS_BODIES, /* bytes of bodies on their way in */
	CALLERS_GOODS
};

struct caller {
	struct caller *next; /* of its bucket */
	char name[CLIENT_ADDRESS_BYTES_MAX + 1];
	int64_t uid; /* of the peer of a Unix socket (http/socket/peer.h); -1: it came over TCP */
	unsigned users;
	uint64_t held[CALLERS_GOODS];
	size_t slot[CALLERS_GOODS]; /* in callers->most, from 1; 0: it holds nothing of it */
	struct list connections;    /* that hold a place, in the order in which to look at them */
	/* (http/socket/accept_queue.h) that hold a place, the oldest first */
	struct list newcomers;
};

struct callers {
	uint64_t seed;
	struct caller *buckets[HTTP_CALLERS_BUCKETS];
	struct {
		struct caller **heap; /* from 1, who holds the most first */
		size_t count, room;
	} most[CALLERS_GOODS];
};

void callers_init(struct callers *callers, uint64_t seed);
/* All callers are gone. */
void callers_fini(struct callers *callers);

/* The caller at that address; it lives until as many have released it as have taken it. */
struct caller *callers_take(struct callers *callers, const struct sockaddr *address) must_check;
void callers_release(struct callers *callers, struct caller *caller);

/* It holds so much more, or less. */
void callers_hold(struct callers *callers, struct caller *caller, enum callers_good good,
		  uint64_t amount);
void callers_let_go(struct callers *callers, struct caller *caller, enum callers_good good,
		    uint64_t amount);
/* The one that holds the most; NULL: none holds anything. */
struct caller *callers_most(const struct callers *callers, enum callers_good good) must_check;
