/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c */
/* Which node is asked for API keys, when, and what is made of the answers. */
#include "router/cluster/key_reader.h"

#include "base/clock.h"
#include "base/limits.h"
#include "fake_pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define START_US (1000 * US_PER_S)
#define MARK_1 "11111111-1111-1111-1111-111111111111"
#define MARK_2 "22222222-2222-2222-2222-222222222222"
#define ACCESS(word) "{\"access\":\"" word "\"}"
#define KEYS(head, lines) "{\"keys\":\"" head lines "\"}"

enum { P, R, S, NODES };

static struct loop *loop;
static struct metrics *metrics;
static struct node nodes_room[NODES] = { { .name = "p" }, { .name = "r" }, { .name = "s" } };
static struct node *const nodes[NODES] = { &nodes_room[P], &nodes_room[R], &nodes_room[S] };
static struct cluster cluster;
static struct key_reader reader;
static struct pool *pools[NODES];

/* What the events said last. */
static struct {
	unsigned times, ticks;
	enum key_table table;
	int64_t as_of_us;
	bool has_lines;
	char lines[100];
	const char *used; /* to be taken; NULL: none */
} told;

static void on_keys(void *arg, enum key_table table, int64_t as_of_us, const struct text *lines)
{
	(void)arg;
	told.times++;
	told.table = table;
	told.as_of_us = as_of_us;
	told.has_lines = lines != NULL;
	if (lines)
		snprintf(told.lines, sizeof(told.lines), "%.*s", (int)lines->len, lines->ptr);
}

static void on_tick(void *arg, int64_t now_us)
{
	(void)arg, (void)now_us;
	told.ticks++;
}

static void take_used(void *arg, int64_t day, struct buf *ids)
{
	(void)arg;
	assert_true(day > 20000);
	if (told.used)
		buf_string(ids, told.used);
	told.used = NULL;
}

static struct pool *pool_of(void *arg, unsigned index)
{
	(void)arg;
	return pools[index];
}

static void set_replica(unsigned index, int64_t seen_us)
{
	cluster.topology.nodes[index] = (struct node_view){
		.role = NODE_REPLICA,
		.contact = NODE_REACHED,
		.life = 1,
		.lag_seen_us = seen_us,
	};
}

static int begin(void **state)
{
	const struct key_events events = { .on_keys = on_keys,
					   .on_tick = on_tick,
					   .take_used = take_used };

	loop = loop_new("test");
	loop_fake_clock(loop, START_US);
	metrics = metrics_new();
	memset(&cluster, 0, sizeof(cluster));
	memset(&told, 0, sizeof(told));
	cluster.nodes = nodes;
	cluster.topology.count = NODES;
	cluster.topology.nodes[P] = (struct node_view){
		.role = NODE_PRIMARY,
		.contact = NODE_REACHED,
		.life = 1,
	};
	set_replica(R, START_US - US_PER_S);
	set_replica(S, START_US - 2 * US_PER_S);
	for (unsigned i = 0; i < NODES; i++)
		pools[i] = pool_new(loop, nodes[i], metrics, NULL);
	key_reader_init(&reader, loop, &cluster, metrics, &events, pool_of, NULL);
	return 0;
}

static int end(void **state)
{
	key_reader_fini(&reader);
	for (unsigned i = 0; i < NODES; i++)
		pool_free(pools[NODES - 1 - i]);
	metrics_free(metrics);
	loop_free(loop);
	return 0;
}

static void pass(int64_t us)
{
	loop_fake_clock(loop, loop_now(loop) + us);
	loop_turn(loop, 0);
}

/* The question that waits at the node, or "". */
static const char *asked(unsigned node)
{
	struct call *call = fake_call(node, CALL_QUERY);

	return call ? call->statement->name : "";
}

static void answer(unsigned node, const char *row)
{
	struct call *call = fake_call(node, CALL_QUERY);

	assert_non_null(call);
	call->sent_us = loop_now(loop);
	fake_answer(call, 1, 1, row, 1);
	loop_turn(loop, 0);
}

/* Up to the first keys of the primary. */
static void learn(const char *row)
{
	pass(0);
	answer(P, ACCESS("rows"));
	assert_string_equal(asked(P), "monitor.keys");
	answer(P, row);
}

static void the_primary_is_asked_whether_there_are_keys_and_then_for_them(void **state)
{
	pass(0);
	assert_string_equal(asked(P), "monitor.keys_access");
	assert_string_equal(asked(R), "");
	answer(P, ACCESS("rows"));
	assert_string_equal(asked(P), "monitor.keys");
	assert_string_equal(fake_call(P, CALL_QUERY)->values[0], "");
	answer(P, KEYS("0 0 3 " MARK_1, "\\nweb1 …\\nweb2 …"));
	assert_int_equal(told.table, KEY_TABLE_IN_USE);
	assert_string_equal(told.lines, "web1 …\nweb2 …");
	assert_int_equal(told.as_of_us, START_US);
}

static void it_is_asked_again_by_its_mark(void **state)
{
	learn(KEYS("0 0 3 " MARK_1, "\\nweb1 …"));
	/* Until the first answer it asks more often: that timer still runs. */
	pass(KEYS_FIRST_POLL_US);
	answer(P, KEYS("0 0 3 " MARK_1, ""));
	pass(KEYS_POLL_US - 1);
	assert_string_equal(asked(P), "");
	pass(1);
	assert_string_equal(asked(P), "monitor.keys");
	assert_string_equal(fake_call(P, CALL_QUERY)->values[0], MARK_1);
	answer(P, KEYS("0 0 3 " MARK_1, ""));
	assert_int_equal(told.times, 3);
	assert_false(told.has_lines);
	assert_int_equal(told.as_of_us, START_US + KEYS_FIRST_POLL_US + KEYS_POLL_US);
	pass(KEYS_POLL_US);
	answer(P, KEYS("0 0 4 " MARK_2, "\\n"));
	assert_true(told.has_lines);
	assert_string_equal(told.lines, "");
	assert_int_equal(told.table, KEY_TABLE_IN_USE);
}

static void that_there_never_was_a_key_needs_no_right_to_read_keys(void **state)
{
	pass(0);
	answer(P, ACCESS("head"));
	assert_string_equal(asked(P), "monitor.keys_head");
	answer(P, KEYS("0 0 0 " MARK_1, ""));
	assert_int_equal(told.table, KEY_TABLE_NEVER);
	/* Now there is one: without the right nothing more is known. */
	pass(KEYS_POLL_US);
	answer(P, KEYS("0 0 1 " MARK_2, ""));
	assert_int_equal(told.times, 1);
	pass(KEYS_POLL_US);
	assert_string_equal(asked(P), "monitor.keys_access");
	answer(P, ACCESS("rows"));
	assert_string_equal(fake_call(P, CALL_QUERY)->values[0], "");
	answer(P, KEYS("0 0 1 " MARK_2, "\\nweb1 …"));
	assert_string_equal(told.lines, "web1 …");
}

static void without_the_table_it_looks_again_until_it_is_there(void **state)
{
	pass(0);
	answer(P, ACCESS("missing"));
	assert_int_equal(told.table, KEY_TABLE_MISSING);
	assert_int_equal(told.times, 1);
	assert_string_equal(asked(P), "");
	pass(KEYS_POLL_US);
	assert_string_equal(asked(P), "monitor.keys_access");
	answer(P, ACCESS("refused"));
	assert_int_equal(told.times, 1);
	pass(KEYS_POLL_US);
	answer(P, ACCESS("rows"));
	assert_string_equal(asked(P), "monitor.keys");
}

static void keys_of_a_table_that_is_taken_away_are_none(void **state)
{
	learn(KEYS("0 0 3 " MARK_1, "\\nweb1 …"));
	pass(KEYS_POLL_US);
	fake_error(fake_call(P, CALL_QUERY), "42P01", "relation \"cqrsd.keyring\" does not exist");
	loop_turn(loop, 0);
	pass(KEYS_POLL_US);
	answer(P, ACCESS("missing"));
	assert_int_equal(told.table, KEY_TABLE_MISSING);
	assert_true(told.has_lines);
	assert_string_equal(told.lines, "");
	/* It is put back as it was. */
	pass(KEYS_POLL_US);
	answer(P, ACCESS("rows"));
	assert_string_equal(fake_call(P, CALL_QUERY)->values[0], "");
}

static void after_an_error_it_begins_anew(void **state)
{
	learn(KEYS("0 0 3 " MARK_1, "\\nweb1 …"));
	pass(KEYS_POLL_US);
	fake_error(fake_call(P, CALL_QUERY), "42P01", "relation \"cqrsd.keyring\" does not exist");
	loop_turn(loop, 0);
	assert_int_equal(told.times, 1);
	pass(KEYS_POLL_US);
	assert_string_equal(asked(P), "monitor.keys_access");
}

static void a_locked_table_gets_more_time_and_then_what_it_had(void **state)
{
	int64_t before_us;

	learn(KEYS("0 0 3 " MARK_1, "\\nweb1 …"));
	pass(KEYS_POLL_US);
	before_us = fake_call(P, CALL_QUERY)->timeout_us;
	assert_true(before_us > 0);
	assert_true(before_us < 100 * US_PER_MS);
	for (int i = 0; i < 5; i++) {
		fake_error(fake_call(P, CALL_QUERY), "57014", "canceling statement");
		loop_turn(loop, 0);
		pass(KEYS_POLL_US);
	}
	assert_string_equal(asked(P), "monitor.keys");
	assert_int_equal(fake_call(P, CALL_QUERY)->timeout_us, 8 * before_us);
	answer(P, KEYS("0 0 3 " MARK_1, ""));
	assert_int_equal(told.times, 2);
	pass(KEYS_POLL_US);
	assert_int_equal(fake_call(P, CALL_QUERY)->timeout_us, before_us);
}

static void a_conn_that_is_lost_or_late_is_no_answer(void **state)
{
	learn(KEYS("0 0 3 " MARK_1, "\\nweb1 …"));
	pass(KEYS_POLL_US);
	fake_lost(fake_call(P, CALL_QUERY), CALL_LOST, "gone");
	loop_turn(loop, 0);
	fake_full(P, true);
	pass(KEYS_POLL_US);
	assert_string_equal(asked(P), "");
	fake_full(P, false);
	fake_away(P, true);
	pass(KEYS_POLL_US);
	assert_string_equal(asked(P), "");
	fake_away(P, false);
	pass(KEYS_POLL_US);
	assert_string_equal(asked(P), "monitor.keys");
	assert_int_equal(told.times, 1);
	assert_int_equal(told.ticks, 6);
}

static void without_a_primary_the_newest_replica_is_asked_and_the_keys_are_as_old(void **state)
{
	cluster.topology.primary = -1;
	pass(0);
	assert_string_equal(asked(P), "");
	answer(R, ACCESS("rows"));
	answer(R, KEYS("1 5000000 3 " MARK_1, "\\nweb1 …"));
	assert_int_equal(told.as_of_us, START_US - US_PER_S);
}

static void another_node_is_asked_for_its_rights_anew(void **state)
{
	learn(KEYS("0 0 3 " MARK_1, "\\nweb1 …"));
	cluster.topology.primary = -1;
	pass(KEYS_POLL_US);
	assert_string_equal(asked(R), "monitor.keys_access");
	answer(R, ACCESS("rows"));
	answer(R, KEYS("1 0 3 " MARK_1, ""));
	assert_int_equal(told.times, 2);
	/* It is the primary now: another life. */
	cluster.topology.primary = R;
	cluster.topology.nodes[R].role = NODE_PRIMARY;
	cluster.topology.nodes[R].life = 2;
	pass(KEYS_POLL_US);
	assert_string_equal(asked(R), "monitor.keys_access");
}

static void a_replica_whose_lag_is_not_known_says_itself_when_it_replayed_last(void **state)
{
	cluster.topology.primary = -1;
	set_replica(R, 0);
	set_replica(S, 0);
	pass(0);
	answer(R, ACCESS("rows"));
	answer(R, KEYS("1 299000000 3 " MARK_1, "\\nweb1 …"));
	assert_int_equal(told.as_of_us, START_US - 299 * US_PER_S);
	pass(KEYS_POLL_US);
	answer(R, KEYS("1 301000000 3 " MARK_2, "\\nweb2 …"));
	assert_int_equal(told.times, 1);
	pass(KEYS_POLL_US);
	answer(R, KEYS("1 -1 3 " MARK_2, "\\nweb2 …"));
	assert_int_equal(told.times, 1);
}

static void a_replica_that_is_five_minutes_behind_is_not_asked(void **state)
{
	struct topology *topology = &cluster.topology;

	topology->primary = -1;
	assert_int_equal(key_reader_source(topology, START_US), R);
	topology->nodes[R].foreign = true;
	assert_int_equal(key_reader_source(topology, START_US), S);
	topology->nodes[S].lag_seen_us = START_US - KEYS_AGE_US_MAX;
	assert_int_equal(key_reader_source(topology, START_US), -1);
	topology->nodes[S].lag_seen_us++;
	assert_int_equal(key_reader_source(topology, START_US), S);
	topology->nodes[S].contact = NODE_LOST;
	assert_int_equal(key_reader_source(topology, START_US), -1);
	topology->primary = P;
	assert_int_equal(key_reader_source(topology, START_US), P);
}

/* Else a key that was revoked a moment ago would be good again, and a new one would not. */
static void a_replica_that_is_behind_what_is_known_is_not_believed(void **state)
{
	static const char *const rows[] = {
		KEYS("1 0 2 " MARK_2, "\\nweb1 …"),
		KEYS("1 0 0 " MARK_2, ""),
	};

	learn(KEYS("0 0 3 " MARK_1, "\\n"));
	cluster.topology.primary = -1;
	pass(KEYS_POLL_US);
	answer(R, ACCESS("missing"));
	pass(KEYS_POLL_US);
	answer(R, ACCESS("rows"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_string_equal(fake_call(R, CALL_QUERY)->values[0], MARK_1);
		answer(R, rows[i]);
		assert_int_equal(told.times, 1);
		pass(KEYS_POLL_US);
	}
	/* It knows of a change that the primary told nobody else. */
	answer(R, KEYS("1 0 4 " MARK_2, "\\nweb2 …"));
	assert_string_equal(told.lines, "web2 …");
	assert_int_equal(told.as_of_us, START_US - US_PER_S);
}

static void a_change_that_a_new_primary_has_lost_is_forgotten(void **state)
{
	learn(KEYS("0 0 3 " MARK_1, "\\n"));
	cluster.topology.primary = R;
	cluster.topology.nodes[R].role = NODE_PRIMARY;
	pass(KEYS_POLL_US);
	answer(R, ACCESS("rows"));
	answer(R, KEYS("0 0 2 " MARK_2, "\\nweb1 …"));
	assert_string_equal(told.lines, "web1 …");
	/* Its replicas are compared with that. */
	cluster.topology.primary = -1;
	set_replica(S, START_US);
	pass(KEYS_POLL_US);
	answer(S, ACCESS("rows"));
	answer(S, KEYS("1 0 2 " MARK_2, ""));
	assert_int_equal(told.times, 3);
}

static void a_standby_that_was_taken_for_the_primary_does_not_make_keys_new(void **state)
{
	pass(0);
	answer(P, ACCESS("rows"));
	answer(P, KEYS("1 7000000 3 " MARK_1, "\\nweb1 …"));
	assert_int_equal(told.as_of_us, START_US - 7 * US_PER_S);
}

static void nonsense_is_no_answer(void **state)
{
	static const char *const rows[] = {
		"",
		"{}",
		"[]",
		"{\"keys\":null}",
		"{\"keys\":7}",
		KEYS("", ""),
		KEYS("0 0 3", ""),
		KEYS("0 0 -3 " MARK_1, ""),
		KEYS("x 0 3 " MARK_1, ""),
		KEYS("0 0 3 " MARK_1, "\\ud800"),
	};

	pass(0);
	answer(P, ACCESS("perhaps"));
	assert_int_equal(told.times, 0);
	pass(KEYS_POLL_US);
	answer(P, ACCESS("rows"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		answer(P, rows[i]);
		if (told.times)
			fail_msg("%s is taken for keys", rows[i]);
		pass(KEYS_POLL_US);
	}
	assert_string_equal(asked(P), "monitor.keys");
}

/* --- use ------------------------------------------------------------------------------------- */

/* What is written is on a pool of its own, made last. */
static struct call *written(void)
{
	return reader.use.pool ? fake_call(NODES, CALL_COMMAND) : NULL;
}

static void what_was_used_is_written_on_the_primary_and_its_conn_is_closed(void **state)
{
	pass(0);
	told.used = "web1 web2";
	pass(KEYS_USE_POLL_US);
	assert_non_null(written());
	assert_string_equal(written()->values[0], "web1 web2");
	fake_commit(written(), 5, true, "{\"noted\":\"2\"}", 1);
	assert_null(reader.use.pool);
	assert_int_equal(reader.use.ids.len, 0);
	pass(KEYS_USE_POLL_US);
	assert_null(written());
}

static void what_failed_is_written_later(void **state)
{
	pass(0);
	told.used = "web1";
	pass(KEYS_USE_POLL_US);
	fake_lost(written(), CALL_LOST, "gone");
	assert_null(reader.use.pool);
	told.used = "web2";
	pass(KEYS_USE_POLL_US);
	assert_string_equal(written()->values[0], "web1");
	fake_commit(written(), 5, true, "{\"noted\":\"1\"}", 1);
	pass(KEYS_USE_POLL_US);
	assert_string_equal(written()->values[0], "web2");
	fake_commit(written(), 5, true, "{\"noted\":\"1\"}", 1);
}

static void a_role_that_may_not_note_it_does_not_try_again(void **state)
{
	pass(0);
	told.used = "web1";
	pass(KEYS_USE_POLL_US);
	fake_error(written(), "42501", "permission denied for table api_key");
	told.used = "web2";
	pass(KEYS_USE_POLL_US);
	assert_null(written());
	assert_string_equal(told.used, "web2");
}

static void without_a_primary_nothing_is_written(void **state)
{
	cluster.topology.primary = -1;
	pass(0);
	told.used = "web1";
	pass(KEYS_USE_POLL_US);
	assert_null(written());
	assert_non_null(told.used);
}

int main(void)
{
#define STORY(test) cmocka_unit_test_setup_teardown(test, begin, end)
	const struct CMUnitTest tests[] = {
		STORY(the_primary_is_asked_whether_there_are_keys_and_then_for_them),
		STORY(it_is_asked_again_by_its_mark),
		STORY(that_there_never_was_a_key_needs_no_right_to_read_keys),
		STORY(without_the_table_it_looks_again_until_it_is_there),
		STORY(keys_of_a_table_that_is_taken_away_are_none),
		STORY(after_an_error_it_begins_anew),
		STORY(a_locked_table_gets_more_time_and_then_what_it_had),
		STORY(a_conn_that_is_lost_or_late_is_no_answer),
		STORY(without_a_primary_the_newest_replica_is_asked_and_the_keys_are_as_old),
		STORY(another_node_is_asked_for_its_rights_anew),
		STORY(a_replica_whose_lag_is_not_known_says_itself_when_it_replayed_last),
		STORY(a_replica_that_is_five_minutes_behind_is_not_asked),
		STORY(a_replica_that_is_behind_what_is_known_is_not_believed),
		STORY(a_change_that_a_new_primary_has_lost_is_forgotten),
		STORY(a_standby_that_was_taken_for_the_primary_does_not_make_keys_new),
		STORY(nonsense_is_no_answer),
		STORY(what_was_used_is_written_on_the_primary_and_its_conn_is_closed),
		STORY(what_failed_is_written_later),
		STORY(a_role_that_may_not_note_it_does_not_try_again),
		STORY(without_a_primary_nothing_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
