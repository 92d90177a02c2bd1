/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* Groups with their values, as tags of the feed. */
#include "router/feed_tags.h"

#include "catalog_story.h"
#include "router/feed/stripes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

enum { BOOL = 16, INT8 = 20, INT4 = 23, TEXT = 25, NUMERIC = 1700, INET = 869 };

#define TAG_OF_ORDERS 0x5a919c06eb075ef3ull

static struct arena arena;

static struct pg_type of(uint32_t oid)
{
	return (struct pg_type){ .oid = oid };
}

/* The one tag of a command with that @invalidates, whose parameters a and b are of one type. */
static uint64_t tag(const char *group, uint32_t oid, const char *a, const char *b)
{
	struct catalog *catalog;
	char text[128];
	const char *values[] = { a, b };
	struct shape *shape = shape_new(2, 0);
	const struct operation *operation;
	const uint64_t *tags;

	snprintf(text, sizeof(text), "-- command: x :exec\n-- @invalidates %s\nSELECT :a, :b",
		 group);
	operation = story_operation(&catalog, text);
	shape->param_types[0] = shape->param_types[1] = of(oid);
	tags = feed_tags(operation, shape, values, &arena);
	assert_int_equal(operation->tags_count, 1);
	shape_free(shape);
	catalog_let_go(catalog);
	return tags[0];
}

static void what_is_equal_has_one_tag(void **state)
{
	assert_true(tag("orders", INT4, "1", "2") == tag("orders", TEXT, "x", NULL));
	assert_true(tag("orders:{a}", INT4, "7", "1") == tag("orders:{b}", INT8, "1", "7"));
	assert_true(tag("orders:{a}", INT4, "7", "1") == tag("orders:7", INT4, "1", "1"));
	assert_true(tag("x:{a}", BOOL, "true", NULL) == tag("x:t", BOOL, NULL, NULL));
	assert_true(tag("x:{a}", TEXT, NULL, "") == tag("x:{a}", TEXT, NULL, "y"));
}

static void what_differs_has_others(void **state)
{
	assert_true(tag("orders:{a}", INT4, "7", "1") != tag("orders:{a}", INT4, "8", "1"));
	assert_true(tag("orders:{a}", INT4, "7", "1") != tag("lines:{a}", INT4, "7", "1"));
	assert_true(tag("{a}:{b}", INT4, "1", "2") != tag("{b}:{a}", INT4, "1", "2"));
	assert_true(tag("x:{a}", TEXT, NULL, "") != tag("x:{a}", TEXT, "", ""));
	assert_true(tag("x:{a}", TEXT, "A", "") != tag("x:{a}", TEXT, "a", ""));
}

static void a_tag_of_a_name_is_beyond_those_of_relations(void **state)
{
	char name[16];

	for (unsigned i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		assert_true(tag(name, INT4, "1", "1") > STRIPES_TAG_OIDS_MAX);
	}
	/* Instances of other versions have the same. */
	assert_true(tag("orders", INT4, "1", "1") == TAG_OF_ORDERS);
}

/* Two texts of one value, or a type that is not known: whatever there is. */
static void where_equal_values_may_have_other_texts_all_is_stale(void **state)
{
	assert_true(tag("x:{a}", INT4, "07", "1") == STRIPES_TAG_ALL);
	assert_true(tag("x:{a}", NUMERIC, "1.0", "1") == STRIPES_TAG_ALL);
	assert_true(tag("x:{a}", INET, "10.0.0.1", "1") == STRIPES_TAG_ALL);
	assert_true(tag("x:{b}", NUMERIC, "1", NULL) != STRIPES_TAG_ALL);
}

/* Does what the command touches touch an answer of the query? Both have a parameter a, 7. */
static bool touches(const char *invalidates, uint32_t command_type, const char *groups,
		    uint32_t query_type, bool known)
{
	const uint64_t relation = 20001;
	const char *const values[] = { "7" };
	struct catalog *catalogs[2];
	const struct operation *command, *query;
	struct shape *shapes[] = { shape_new(1, 0), shape_new(1, 0) };
	struct feed_tag_list touched, read;
	bool touches = false;
	char text[256];

	snprintf(text, sizeof(text), "-- command: x :exec\n%s\nSELECT :a", invalidates);
	command = story_operation(&catalogs[0], text);
	snprintf(text, sizeof(text), "-- query: y :many\n-- @cache 10s\n%s\nSELECT :a", groups);
	query = story_operation(&catalogs[1], text);
	shapes[0]->param_types[0] = of(command_type);
	shapes[1]->param_types[0] = of(query_type);
	statement_set_relations(command->statement, known, &relation, known);
	touched = feed_tags_touched(command, feed_tags(command, shapes[0], values, &arena), &arena);
	read = feed_tags_read(query, feed_tags(query, shapes[1], values, &arena), &relation, 1,
			      &arena);
	for (unsigned i = 0; i < touched.count; i++)
		for (unsigned j = 0; j < read.count; j++)
			touches = touches || touched.items[i] == read.items[j] ||
				  touched.items[i] == STRIPES_TAG_ALL;
	for (unsigned i = 0; i < 2; i++) {
		shape_free(shapes[i]);
		catalog_let_go(catalogs[i]);
	}
	return touches;
}

#define NOTHING "-- said"

static void groups_narrow_what_a_relation_is_touched_by(void **state)
{
	const char *seven = "-- @tags x:{a}", *eight = "-- @tags x:8";

	assert_true(touches(NOTHING, INT4, NOTHING, INT4, true));
	assert_true(touches(NOTHING, INT4, seven, INT4, true));
	assert_true(touches("-- @invalidates x:{a}", INT4, NOTHING, INT4, true));
	assert_true(touches("-- @invalidates x:{a}", INT4, seven, INT8, true));
	assert_false(touches("-- @invalidates x:{a}", INT4, eight, INT4, true));
	/* What is not known touches all; so does a group whose value may be spelt otherwise. */
	assert_true(touches("-- @invalidates x:{a}", INT4, eight, INT4, false));
	assert_true(touches("-- @invalidates x:{a}", NUMERIC, eight, INT4, true));
	assert_true(touches("-- @invalidates x:{a}", INT4, seven, NUMERIC, true));
}

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_fini(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_equal_has_one_tag),
		cmocka_unit_test(what_differs_has_others),
		cmocka_unit_test(a_tag_of_a_name_is_beyond_those_of_relations),
		cmocka_unit_test(groups_narrow_what_a_relation_is_touched_by),
		cmocka_unit_test(where_equal_values_may_have_other_texts_all_is_stale),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
