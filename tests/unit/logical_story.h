/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of what is decoded, between a stream and replicas that are both ours. */
#pragma once

#include "router/feed/reader.h"

#include <stdbool.h>
#include <stdint.h>

#define SHAPE 77
#define QUIET 20001
#define BUSY 20002

extern const uint64_t quiet[1], busy[1];

struct story {
	struct loop *loop;
	struct topology topology;
	struct node node;
	struct node *nodes[3];
	struct metrics *metrics;
	struct feed_shared shared;
	struct feed_env env;
	struct feed_reader reader;
	unsigned others;
	int64_t publication; /* as replicas show it */
};

void story_pass(struct story *story, int64_t us);
/* Set-up and tear-down of a test: the stream is not there yet. */
int story_begin(void **state);
int story_end(void **state);
struct decoding *story_stream(struct story *story);
/* What the stream brings. False: it is refused. */
bool sends_begin(struct story *story, uint64_t lsn);
bool sends_change(struct story *story, uint64_t relation);
/* The table of rows, by that number, with columns id and tags; or another table. */
bool sends_relation(struct story *story, uint64_t relation, const char *name);
/* Of id 1; tags NULL: it has none. */
bool sends_row(struct story *story, uint64_t relation, const char *tags);
bool sends_commit(struct story *story, uint64_t end);
bool sends_keepalive(struct story *story, uint64_t lsn, bool wants_reply);
void turn(struct story *story);
void writes(struct story *story, uint64_t relation, uint64_t end);
/* The replica that is asked has that shape, and is as far as that. */
void shape(struct story *story, uint64_t lsn, int64_t number);
uint64_t known(struct story *story);
uint64_t required(struct story *story, uint64_t index, const uint64_t *tags);
/* The stream has begun at 1000, and the sets count. */
void follow(struct story *story);
