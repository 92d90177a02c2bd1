/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c allocations.c */
/* Groups with their values, as headers name them: strings of structured fields. */
#include "router/cache_groups.h"

#include "allocations.h"
#include "catalog_story.h"
#include "pg/describe.h"
#include "router/feed_tags.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { INT4 = 23, TEXT = 25, NUMERIC = 1700 };

static struct arena arena;

static const char *groups(const char *header, uint32_t oid, const char *a, const char *b)
{
	struct catalog *catalog;
	char text[256];
	const char *values[] = { a, b };
	struct shape *shape = shape_new(2, 0);
	const struct operation *operation;
	struct text list;

	snprintf(text, sizeof(text), "%s\nSELECT :a, :b", header);
	operation = story_operation(&catalog, text);
	shape->param_types[0] = shape->param_types[1] = (struct pg_type){ .oid = oid };
	list = cache_groups(operation, shape, values, &arena);
	shape_free(shape);
	catalog_let_go(catalog);
	return list.ptr ? arena_copy(&arena, list.ptr, list.len) : NULL;
}

#define TAGS(list) "-- query: x :one\n-- @cache 5s\n-- @tags " list
#define INVALIDATES(list) "-- command: x :exec\n-- @invalidates " list

static void an_answer_is_in_its_groups_and_in_the_one_of_all(void **state)
{
	assert_string_equal(groups(TAGS("orders, orders:{a}, x:{a}:{b}"), INT4, "7", "8"),
			    "\"orders\", \"orders:7\", \"x:7:8\", \"*\"");
	assert_string_equal(groups(INVALIDATES("orders, orders:{a}"), INT4, "7", "8"),
			    "\"orders\", \"orders:7\"");
	assert_null(groups("-- query: x :one\n-- @cache 5s", INT4, "7", "8"));
	assert_null(groups("-- command: x :exec", INT4, "7", "8"));
}

static void a_value_ends_neither_its_string_nor_the_header(void **state)
{
	assert_string_equal(groups(INVALIDATES("x:{a}"), TEXT, "a\"b\\c", ""), "\"x:a\\\"b\\\\c\"");
	assert_string_equal(groups(INVALIDATES("x:{a}"), TEXT, "a\r\nSet-Cookie: b\x7f", ""),
			    "\"x:a%0D%0ASet-Cookie: b%7F\"");
	assert_string_equal(groups(INVALIDATES("x:{a}, y:{b}"), TEXT, "\xc3\xa4%23#", NULL),
			    "\"x:%C3%A4%2523%23\", \"y:%00\"");
}

static void a_long_one_is_told_by_its_hash(void **state)
{
	char value[257];
	const char *query, *command;

	memset(value, 'v', sizeof(value) - 1);
	value[62] = '\0';
	assert_int_equal(strlen(groups(INVALIDATES("x:{a}"), TEXT, value, "")), 66);
	value[62] = 'v';
	value[63] = '\0';
	query = groups(TAGS("x:{a}"), TEXT, value, "");
	command = groups(INVALIDATES("x:{b}"), TEXT, "", value);
	assert_int_equal(strlen(command), 1 + 17 + 1);
	assert_memory_equal(command, "\"#", 2);
	assert_memory_equal(query, command, strlen(command));
	value[62] = 'w';
	assert_string_not_equal(command, groups(INVALIDATES("x:{a}"), TEXT, value, ""));
}

static void what_has_several_texts_is_in_no_group_and_touches_all(void **state)
{
	assert_string_equal(groups(TAGS("orders, x:{a}"), NUMERIC, "7.0", "1"),
			    "\"orders\", \"*\"");
	assert_string_equal(groups(TAGS("x:{a}"), NUMERIC, "7.0", "1"), "\"*\"");
	assert_string_equal(groups(INVALIDATES("x:{a}, y"), NUMERIC, "7.0", "1"), "\"y\", \"*\"");
}

/* Of hostile values, too: an arena that has a block, and no more than that, is enough. */
static void they_take_no_memory_but_of_the_arena(void **state)
{
#ifdef ALLOCATIONS_COUNTED
	const char *values[] = { "\xff\xff\"\\", "7" };
	struct shape *shape = shape_new(2, 0);
	const struct operation *operation;
	struct catalog *catalog;
	struct text list;
	struct buf buf;

	operation = story_operation(&catalog,
				    TAGS("orders, orders:{a}, x:{a}:{b}, y:{b}") "\nSELECT :a, :b");
	shape->param_types[0] = shape->param_types[1] = (struct pg_type){ .oid = TEXT };
	arena_reset(&arena);
	assert_non_null(arena_alloc(&arena, 1));
	allocations_made = 0;
	list = cache_groups(operation, shape, values, &arena);
	assert_int_equal(list.ptr[0], '"');
	assert_non_null(feed_tags(operation, shape, values, &arena));
	assert_int_equal(allocations_made, 0);
	/* It would be seen. */
	buf_init(&buf);
	buf_string(&buf, "x");
	buf_fini(&buf);
	assert_int_equal(allocations_made, 1);
	shape_free(shape);
	catalog_let_go(catalog);
#endif
}

static int start(void **state)
{
	arena_init(&arena);
	return 0;
}

static int stop(void **state)
{
	arena_fini(&arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_is_in_its_groups_and_in_the_one_of_all),
		cmocka_unit_test(a_value_ends_neither_its_string_nor_the_header),
		cmocka_unit_test(a_long_one_is_told_by_its_hash),
		cmocka_unit_test(what_has_several_texts_is_in_no_group_and_touches_all),
		cmocka_unit_test(they_take_no_memory_but_of_the_arena),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
