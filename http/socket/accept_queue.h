/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections that were accepted and are not let in yet. The cost of a connection is not its
 * accept but what follows: only so many are let in each turn, so that a crowd does not delay the
 * clients that are in already. First come those whose request is there as a whole, so that clients
 * that open thousands of connections and send little delay no others; but every fourth is one of
 * the rest, in turn the newest (after Maurer, "Fail at Scale", 2015) and the oldest.
 */
#pragma once

#include "base/check.h"
#include "base/list.h"

#include <stdbool.h>
#include <sys/socket.h>

struct caller;

struct newcomer {
	struct list_link link;
	struct list_link of_caller; /* not ours: for a list of the caller's */
	bool whole;                 /* which list it is on */
	int fd;
	socklen_t address_len;
	struct caller *caller; /* as given */
	struct sockaddr_storage address;
};

struct accept_queue {
	struct list whole;  /* in the order in which they were found */
	struct list others; /* the oldest first */
	unsigned taken;
};

void accept_queue_init(struct accept_queue *accept_queue);
unsigned accept_queue_waiting(const struct accept_queue *accept_queue) must_check;
/* Takes the descriptor; caller comes back with the newcomer, which lives until it is taken. */
struct newcomer *accept_queue_add(struct accept_queue *accept_queue, int fd,
				  const struct sockaddr *address, socklen_t address_len,
				  struct caller *caller);
/* Where more wait than are let in, finds those whose request has come, among the newest. */
void accept_queue_scan(struct accept_queue *accept_queue);
/* Is there nothing to read from it? */
bool accept_queue_says_nothing(const struct newcomer *newcomer) must_check;
/* It is not to be let in; the caller frees it, its descriptor is the caller's. */
void accept_queue_remove(struct accept_queue *accept_queue, struct newcomer *newcomer);
/* The one to let in; the caller frees it, its descriptor is the caller's. NULL: none waits. */
struct newcomer *accept_queue_take(struct accept_queue *accept_queue) must_check;
