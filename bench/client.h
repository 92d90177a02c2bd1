/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One keep-alive connection of the load generator: dials, sends a call, reads the reply, counts
 * what came of it. bench/load.c decides who asks what, and when.
 */
#pragma once

#include "base/list.h"
#include "bench/load.h"
#include "bench/reply.h"

#define LOAD_READ_BYTES 65536

/*
 *            dial             sent
 *   CLOSED ───────► DIALING ───────► BUSY ◄──────► IDLE
 *      ▲               │               │            │
 *      └───────────────┴───────────────┴────────────┘
 */
enum client_state { CLIENT_CLOSED, CLIENT_DIALING, CLIENT_BUSY, CLIENT_IDLE, CLIENT_STATES };

struct client {
	struct list_link link; /* on the list of its state */
	enum client_state state;
	int fd;
	bool has_call;     /* something was planned that it is to answer */
	bool reading_back; /* the second half of a pair */
	bool counts;       /* planned within the part that counts */
	bool wants_out;    /* epoll tells when it may write */
	int64_t planned_us, deadline_us;
	const struct mix_class *class;
	struct mix_values values;
	struct buf out;
	size_t out_done;
	struct reply reply;
};

struct load {
	const struct load_options *options;
	struct load_results *results;
	struct client *clients;
	struct list lists[CLIENT_STATES];
	struct schedule schedule;
	struct random random;
	int epoll;
	int64_t begin_us, counts_from_us, end_us;
	uint64_t unique, planned;
	int dial_errno;
	struct buf body; /* scratch */
	char read[LOAD_READ_BYTES];
};

/* False: it could not even begin to connect; dial_errno says why. */
bool client_dial(struct load *load, struct client *client);
/* Writes the bytes of its call, and sends them over the connection it has. */
void client_compose(struct load *load, struct client *client);
void client_send(struct load *load, struct client *client);
/* Its descriptor is ready. */
void client_ready(struct load *load, struct client *client, unsigned events);
/* Its call never gets an answer: the wait counts all the same. */
void client_unanswered(struct load *load, struct client *client, const char *why);
/* The same, and the connection is of no more use. */
void client_fail(struct load *load, struct client *client, const char *why);
/* Where its call is counted. */
struct load_result *client_result(struct load *load, const struct client *client);
