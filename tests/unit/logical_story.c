/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a walsender, byte by byte, and answers of a replica. */
#include "logical_story.h"

#include "base/clock.h"
#include "fake_decoding.h"
#include "fake_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const uint64_t quiet[] = { QUIET }, busy[] = { BUSY };

static struct pool *story_pool_of(void *arg, unsigned node)
{
	return fake_pool(node);
}

static void story_refresh(void *arg)
{
}

static void story_on_shape(void *arg, bool as_found)
{
	struct story *story = arg;

	story->others += !as_found;
}

static void story_topology(struct topology *topology)
{
	topology->count = 3;
	topology->primary = 0;
	topology->primary_position = (struct position){ 1, 1000 };
	for (unsigned i = 0; i < 3; i++) {
		struct node_view *view = &topology->nodes[i];

		view->contact = NODE_REACHED;
		view->role = i ? NODE_REPLICA : NODE_PRIMARY;
		view->in_rotation = i != 0;
		view->position = (struct position){ 1, 1000 };
	}
}

void story_pass(struct story *story, int64_t us)
{
	loop_fake_clock(story->loop, loop_now(story->loop) + us);
	loop_turn(story->loop, 0);
}

int story_begin(void **state)
{
	static const struct feed_relations relations = { quiet, 1, SHAPE, 5 };
	struct story *story = calloc(1, sizeof(*story));

	assert_non_null(story);
	story->loop = loop_new("story");
	loop_fake_clock(story->loop, US_PER_S);
	story->metrics = metrics_new();
	story_topology(&story->topology);
	for (unsigned i = 0; i < 3; i++) {
		story->nodes[i] = &story->node;
		assert_non_null(pool_new(story->loop, &story->node, story->metrics, NULL));
	}
	story->env = (struct feed_env){
		.loop = story->loop,
		.topology = &story->topology,
		.nodes = story->nodes,
		.metrics = story->metrics,
		.shared = &story->shared,
		.pause_us = 100 * US_PER_MS,
		.decoded = true,
		.pool_of = story_pool_of,
		.refresh = story_refresh,
		.on_shape = story_on_shape,
		.arg = story,
	};
	feed_reader_init(&story->reader, &story->env);
	feed_reader_run(&story->reader, &relations);
	story_pass(story, 0);
	*state = story;
	return 0;
}

int story_end(void **state)
{
	struct story *story = *state;

	feed_reader_fini(&story->reader);
	for (unsigned i = 3; i > 0; i--)
		pool_free(fake_pool(i - 1));
	metrics_free(story->metrics);
	loop_free(story->loop);
	free(story);
	return 0;
}

struct decoding *story_stream(struct story *story)
{
	return &story->reader.logical.decoding;
}

static char *put(char *out, uint64_t number, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		*out++ = (char)(number >> (8 * (bytes - 1 - i)));
	return out;
}

static bool give(struct story *story, const char *bytes, const char *at)
{
	return story_stream(story)->owner->on_message(story_stream(story),
						      (struct text){ bytes, (size_t)(at - bytes) });
}

/* A message with data; its own position, which proves nothing, is far ahead. */
static char *head(char *bytes, char kind)
{
	char *at = bytes;

	*at++ = 'w';
	at = put(put(put(at, 900000, 8), 900000, 8), 0, 8);
	*at++ = kind;
	return at;
}

bool sends_begin(struct story *story, uint64_t lsn)
{
	char bytes[64], *at = head(bytes, 'B');

	return give(story, bytes, put(put(put(at, lsn, 8), 0, 8), 7, 4));
}

bool sends_change(struct story *story, uint64_t relation)
{
	char bytes[64], *at = put(head(bytes, 'I'), relation, 4);

	*at++ = 'N';
	return give(story, bytes, put(at, 0, 2));
}

bool sends_relation(struct story *story, uint64_t relation, const char *name)
{
	static const char columns[] =
		"\0\2\1id\0\0\0\0\x14\xff\xff\xff\xff\0tags\0\0\0\3\xf8\xff\xff\xff\xff";
	char bytes[160], *at = put(head(bytes, 'R'), relation, 4);

	at = stpcpy(at, "cqrsd") + 1;
	at = stpcpy(at, name) + 1;
	*at++ = 'd';
	memcpy(at, columns, sizeof(columns) - 1);
	return give(story, bytes, at + sizeof(columns) - 1);
}

bool sends_row(struct story *story, uint64_t relation, const char *tags)
{
	char bytes[160], *at = put(head(bytes, 'I'), relation, 4);

	at = stpcpy(at, "N");
	at = put(at, 2, 2);
	at = put(stpcpy(at, "t"), 1, 4);
	*at++ = '1';
	*at++ = tags ? 't' : 'n';
	if (tags)
		at = stpcpy(put(at, strlen(tags), 4), tags);
	return give(story, bytes, at);
}

bool sends_commit(struct story *story, uint64_t end)
{
	char bytes[64], *at = put(head(bytes, 'C'), 0, 1);

	return give(story, bytes, put(put(put(at, end - 1, 8), end, 8), 0, 8));
}

bool sends_keepalive(struct story *story, uint64_t lsn, bool wants_reply)
{
	char bytes[32] = "k";

	return give(story, bytes, put(put(put(bytes + 1, lsn, 8), 0, 8), wants_reply, 1));
}

void turn(struct story *story)
{
	story_stream(story)->owner->on_turn(story_stream(story));
}

void writes(struct story *story, uint64_t relation, uint64_t end)
{
	assert_true(sends_begin(story, end - 1));
	assert_true(sends_change(story, relation));
	assert_true(sends_commit(story, end));
	turn(story);
}

void shape(struct story *story, uint64_t lsn, int64_t number)
{
	char row[64];

	story_pass(story, 100 * US_PER_MS);
	snprintf(row, sizeof(row), "{\"line\":\"%lld|%lld\"}", (long long)number,
		 (long long)story->publication);
	for (unsigned node = 1; node < 3; node++) {
		struct call *call = fake_call_of(node, feed_shape_question());

		if (call) {
			fake_answer(call, lsn, lsn, row, 1);
			return;
		}
	}
	fail_msg("no replica is asked");
}

uint64_t known(struct story *story)
{
	return stripes_known(&story->shared.stripes).lsn;
}

uint64_t required(struct story *story, uint64_t index, const uint64_t *tags)
{
	return stripes_required(&story->shared.stripes, (struct position){ 1, index }, tags, 1);
}

void follow(struct story *story)
{
	fake_decoding_begin(story_stream(story), 1, 1000);
	shape(story, 1000, SHAPE);
	assert_int_equal(known(story), 1000);
	assert_int_equal(atomic_load(&story->shared.version), 5);
}
