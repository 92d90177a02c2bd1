/* SPDX-License-Identifier: Apache-2.0 */
/* Which answers stay: as many hits as the paper's algorithm has, and more than plain FIFO. */
/* links: cache_story.c zipf.c */
#include "read/cache/s3_fifo.h"

#include "cache_story.h"
#include "read/cache/store_private.h"
#include "zipf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define KEYS 20000 /* that are asked for again and again */
#define REQUESTS 300000
#define SCAN_EVERY 3000 /* requests, then this many keys that are never asked for again */
#define SCAN_KEYS 300
#define KEYS_ALL (KEYS + REQUESTS / SCAN_EVERY * SCAN_KEYS + SCAN_KEYS)
#define STORE_BYTES (2 << 20)

/* --- what is asked for ------------------------------------------------------------------------ */

static size_t body_len(unsigned key)
{
	return 20 + (key * 2654435761u >> 8) % 1500;
}

/* --- the paper's algorithm, and plain FIFO, on numbers ---------------------------------------- */

struct line {
	unsigned *keys; /* from head to tail; as long as anything could make it */
	size_t head, tail;
};

struct model {
	struct line small, large, ghost;
	unsigned char freq[KEYS_ALL], cached[KEYS_ALL], in_ghost[KEYS_ALL];
	uint32_t blocks[KEYS_ALL];
	uint64_t small_blocks, large_blocks, room;
	bool plain; /* FIFO */
};

#define LINE_KEYS ((size_t)REQUESTS * 20)

static void line_push(struct line *line, unsigned key)
{
	assert_true(line->head < LINE_KEYS);
	line->keys[line->head++] = key;
}

static bool line_is_empty(const struct line *line)
{
	return line->head == line->tail;
}

static unsigned line_pop(struct line *line)
{
	return line->keys[line->tail++];
}

static void model_remember(struct model *model, unsigned key)
{
	line_push(&model->ghost, key);
	model->in_ghost[key]++;
	while (model->ghost.head - model->ghost.tail > model->large.head - model->large.tail)
		model->in_ghost[line_pop(&model->ghost)]--;
}

static void model_evict_small(struct model *model)
{
	unsigned key = line_pop(&model->small);

	model->small_blocks -= model->blocks[key];
	if (model->freq[key] > 1) {
		model->freq[key] = 0;
		line_push(&model->large, key);
		model->large_blocks += model->blocks[key];
	} else {
		model->cached[key] = 0;
		model_remember(model, key);
	}
}

static void model_evict_large(struct model *model)
{
	unsigned key = line_pop(&model->large);

	if (model->freq[key] > 0) {
		model->freq[key]--;
		line_push(&model->large, key);
		return;
	}
	model->large_blocks -= model->blocks[key];
	model->cached[key] = 0;
}

static bool model_ask(struct model *model, unsigned key)
{
	if (model->cached[key]) {
		model->freq[key] += model->freq[key] < 3 && !model->plain;
		return true;
	}
	model->blocks[key] = entry_blocks(12, body_len(key));
	while (model->small_blocks + model->large_blocks + model->blocks[key] > model->room)
		if (!model->plain &&
		    (model->small_blocks > model->room / 10 || line_is_empty(&model->large)))
			model_evict_small(model);
		else
			model_evict_large(model);
	model->cached[key] = 1;
	model->freq[key] = 0;
	if (model->plain || model->in_ghost[key]) {
		line_push(&model->large, key);
		model->large_blocks += model->blocks[key];
	} else {
		line_push(&model->small, key);
		model->small_blocks += model->blocks[key];
	}
	return false;
}

static struct model *model_new(bool plain)
{
	struct model *model = calloc(1, sizeof(*model));

	assert_non_null(model);
	model->plain = plain;
	model->room = cache_story.store->usable;
	for (unsigned i = 0; i < 3; i++) {
		struct line *line = i == 0 ? &model->small : i == 1 ? &model->large : &model->ghost;

		line->keys = malloc(LINE_KEYS * sizeof(*line->keys));
		assert_non_null(line->keys);
	}
	return model;
}

static void model_free(struct model *model)
{
	free(model->small.keys);
	free(model->large.keys);
	free(model->ghost.keys);
	free(model);
}

/* --- the store -------------------------------------------------------------------------------- */

static bool store_ask(unsigned key)
{
	static const char bytes[2000];
	struct cache_facts facts = { .lower = 1 };
	char name[16];
	const struct cache_entry *entry;

	(void)snprintf(name, sizeof(name), "key=%08u", key);
	entry = cache_find(cache_story.reader, text_of(name));
	if (entry) {
		cache_use(entry);
		cache_leave(cache_story.reader);
		return true;
	}
	assert_true(cache_put(cache_story.reader, text_of(name), &facts,
			      (struct text){ bytes, body_len(key) }));
	return false;
}

struct hits {
	unsigned store, paper, plain;
};

static void ask_all(unsigned key, struct hits *hits, struct model *paper, struct model *plain)
{
	hits->store += store_ask(key);
	hits->paper += model_ask(paper, key);
	hits->plain += model_ask(plain, key);
}

static struct hits hits_of(double exponent, uint64_t seed, bool scans)
{
	struct model *paper, *plain;
	struct hits hits = { 0 };
	struct random random;
	struct zipf zipf;
	unsigned scanned = KEYS;

	cache_story_begin(STORE_BYTES);
	paper = model_new(false);
	plain = model_new(true);
	random_init(&random, seed);
	zipf_init(&zipf, KEYS, exponent);
	for (unsigned i = 0; i < REQUESTS; i++) {
		ask_all(zipf_next(&zipf, &random), &hits, paper, plain);
		for (unsigned j = 0; scans && i % SCAN_EVERY == 0 && j < SCAN_KEYS; j++)
			ask_all(scanned++, &hits, paper, plain);
	}
	model_free(paper);
	model_free(plain);
	zipf_fini(&zipf);
	cache_story_end();
	print_message("zipf %.2f%s: store %.2f %%, paper %.2f %%, FIFO %.2f %%\n", exponent,
		      scans ? " with scans" : "", 100.0 * hits.store / REQUESTS,
		      100.0 * hits.paper / REQUESTS, 100.0 * hits.plain / REQUESTS);
	return hits;
}

/* Within one point of the paper's. */
static void as_the_paper(struct hits hits)
{
	assert_true(abs((int)hits.store - (int)hits.paper) < REQUESTS / 100);
}

static void as_many_hits_as_the_papers_algorithm_has(void **state)
{
	as_the_paper(hits_of(0.99, 1, false));
	as_the_paper(hits_of(0.8, 2, false));
}

static void scans_cost_no_more_hits_than_in_the_paper_and_fewer_than_plain_fifo(void **state)
{
	struct hits hits = hits_of(0.99, 3, true);

	as_the_paper(hits);
	/* Control: plain FIFO is worse by far more than that. */
	assert_true(hits.store > hits.plain + REQUESTS * 3 / 100);
}

/* --- the queues by themselves ----------------------------------------------------------------- */

static struct s3_fifo *fifo;

static const char *victim_key(unsigned moves, unsigned *remaining)
{
	static char key[16];
	uint32_t number = s3_fifo_victim(fifo, cache_story.store->generation, &moves);
	const struct cache_entry *entry = entry_at(cache_story.store->memory, number);

	if (remaining)
		*remaining = moves;
	if (number == S3_NONE)
		return "none";
	entry_read(entry, 0, entry->key_len, key);
	key[entry->key_len] = '\0';
	return key;
}

static int setup(void **state)
{
	(void)cache_story_setup(state);
	fifo = &cache_story.store->fifo;
	return 0;
}

static void where_nothing_is_there_is_no_victim(void **state)
{
	assert_string_equal(victim_key(10, NULL), "none");
}

static void the_first_that_was_used_once_at_most_goes_from_the_small_queue(void **state)
{
	unsigned moves;

	for (const char *key = "abcd"; *key; key++)
		assert_true(story_put_text((char[]){ *key, '\0' }, 1, "body"));
	assert_true(story_use("a", 2));
	assert_true(story_use("b", 3));
	assert_true(story_use("c", 1));
	/* The small one may be empty, else the others would go first. */
	fifo->small_max = 0;
	assert_string_equal(victim_key(10, &moves), "c");
	assert_int_equal(moves, 8);
	assert_int_equal(fifo->queues[S3_MAIN].entries, 2);
	/* Their uses begin anew there. */
	fifo->small_max = 10;
	assert_string_equal(victim_key(10, &moves), "a");
	assert_int_equal(moves, 10);
	story_check();
}

static void in_the_main_queue_a_use_is_one_more_round(void **state)
{
	assert_true(story_put_text("a", 1, "body"));
	assert_true(story_put_text("b", 1, "body"));
	assert_true(story_use("a", 3));
	assert_true(story_use("b", 3));
	fifo->small_max = 0;
	(void)victim_key(2, NULL);
	fifo->small_max = 10;
	assert_true(story_use("a", 2));
	assert_true(story_use("b", 1));
	assert_string_equal(victim_key(10, NULL), "b");
	story_check();
}

static void work_is_bounded_even_where_all_was_used(void **state)
{
	unsigned moves;

	for (const char *key = "abcdefgh"; *key; key++) {
		assert_true(story_put_text((char[]){ *key, '\0' }, 1, "body"));
		assert_true(story_use((char[]){ *key, '\0' }, 3));
	}
	fifo->small_max = 0;
	assert_string_equal(victim_key(3, &moves), "d");
	assert_int_equal(moves, 0);
	story_check();
}

static enum s3_queue_id queue_of(unsigned key)
{
	char name[16];
	const struct cache_entry *entry;
	enum s3_queue_id queue;

	(void)snprintf(name, sizeof(name), "%u", key);
	assert_true(story_put(name, 1000000, 10));
	entry = cache_find(cache_story.reader, text_of(name));
	queue = entry->node.queue;
	cache_leave(cache_story.reader);
	return queue;
}

static void put_all(unsigned first, unsigned count)
{
	char name[16];

	for (unsigned i = first; i < first + count; i++) {
		(void)snprintf(name, sizeof(name), "%u", i);
		assert_true(story_put(name, i, 10));
	}
}

static void what_comes_back_soon_goes_to_the_main_queue(void **state)
{
	struct cache_counts counts;

	put_all(0, 6000);
	cache_store_counts(cache_story.store, &counts);
	assert_int_equal(queue_of((unsigned)counts.evicted_small - 1), S3_MAIN);
	/* What was not there for a long time, and what never was. */
	put_all(10000, 10000);
	assert_int_equal(queue_of(1), S3_SMALL);
	assert_int_equal(queue_of(999999), S3_SMALL);
	cache_store_counts(cache_story.store, &counts);
	/* A few of so many meet the fingerprint of another key. */
	assert_in_range(counts.ghosts_hit, 1, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_many_hits_as_the_papers_algorithm_has),
		cmocka_unit_test(
			scans_cost_no_more_hits_than_in_the_paper_and_fewer_than_plain_fifo),
		cmocka_unit_test_setup_teardown(where_nothing_is_there_is_no_victim, setup,
						cache_story_teardown),
		cmocka_unit_test_setup_teardown(
			the_first_that_was_used_once_at_most_goes_from_the_small_queue, setup,
			cache_story_teardown),
		cmocka_unit_test_setup_teardown(in_the_main_queue_a_use_is_one_more_round, setup,
						cache_story_teardown),
		cmocka_unit_test_setup_teardown(work_is_bounded_even_where_all_was_used, setup,
						cache_story_teardown),
		cmocka_unit_test_setup_teardown(what_comes_back_soon_goes_to_the_main_queue, setup,
						cache_story_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
