/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of a @lookup: which texts PostgreSQL shows as they were sent, and which types have any. */
#include "pg/types/key.h"

#include "base/arena.h"
#include "pg/types/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ENUM_OID 16400
#define ENUM_ARRAY_OID 16401

/* shown NULL: it is not known. */
static void check(const char *type, const char *value, const char *shown)
{
	struct pg_type element = strcmp(type, "mood") == 0 ? (struct pg_type){ .oid = ENUM_OID }
							   : type_by_name(type);
	const char *text = key_text(element, value);

	if (!shown != !text || (shown && strcmp(shown, text) != 0))
		fail_msg("%s '%s' is shown as %s", type, value, text ? text : "(not known)");
}

static void a_text_that_postgres_shows_so_is_a_key(void **state)
{
	static const struct {
		const char *type, *value;
	} keys[] = {
		{ "int", "0" },           { "int", "-17" },
		{ "smallint", "7" },      { "bigint", "9223372036854775807" },
		{ "oid", "4294967295" },  { "uuid", "c4ca4238-a0b9-2382-0dcc-509a6f75849b" },
		{ "date", "2024-02-29" }, { "text", "" },
		{ "text", " A\"\\{}," },  { "varchar", "NULL" },
		{ "mood", "so so" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		check(keys[i].type, keys[i].value, keys[i].value);
	check("boolean", "true", "t");
	check("boolean", "false", "f");
}

static void one_that_it_may_show_in_another_way_is_none(void **state)
{
	static const struct {
		const char *type, *value;
	} others[] = {
		{ "int", "007" },
		{ "int", "-0" },
		{ "int", "00" },
		{ "int", "+5" },
		{ "int", " 5" },
		{ "int", "5 " },
		{ "int", "" },
		{ "int", "-" },
		{ "int", "1_000" },
		{ "int", "0x10" },
		{ "uuid", "C4CA4238-A0B9-2382-0DCC-509A6F75849B" },
		{ "uuid", "{c4ca4238-a0b9-2382-0dcc-509a6f75849b}" },
		{ "uuid", "c4ca4238a0b923820dcc509a6f75849b" },
		{ "uuid", "c4ca4238-a0b9-2382-0dcc-509a6f75849" },
		{ "date", "2024-1-2" },
		{ "date", "yesterday" },
		{ "date", "infinity" },
		{ "date", "12024-01-02" },
		{ "date", "2024-01-02 BC" },
		{ "boolean", "t" },
		{ "boolean", "TRUE" },
		{ "numeric", "1" },
		{ "timestamptz", "2024-01-02" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		check(others[i].type, others[i].value, NULL);
}

static void a_long_one_is_none(void **state)
{
	char text[KEY_BYTES_MAX + 2];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[KEY_BYTES_MAX + 1] = '\0';
	check("text", text, NULL);
	text[KEY_BYTES_MAX] = '\0';
	check("text", text, text);
}

/* --- what a statement must return ------------------------------------------------------------- */

/* What is said of a statement with that parameter and column; NULL: nothing. */
static const char *misfit(struct pg_type param, uint32_t column_oid, bool is_enum,
			  struct arena *arena)
{
	struct statement statement = { .params = 1, .lookup = 1, .key = "id" };
	struct shape *shape = shape_new(1, 1);
	const char *why;

	shape->param_types[0] = param;
	why = key_misfit(&statement, shape, (struct key_column){ column_oid, is_enum }, arena);
	shape_free(shape);
	return why;
}

static void check_says(const char *why, const char *says)
{
	if (!says)
		assert_null(why);
	else
		assert_non_null(strstr(why, says));
}

static void a_lookup_takes_an_array_and_returns_its_elements(void **state)
{
	static const struct pg_type moods = { .oid = ENUM_ARRAY_OID, .element_oid = ENUM_OID };
	struct arena arena;

	(void)state;
	arena_init(&arena);
	check_says(misfit(type_by_name("int[]"), 23, false, &arena), NULL);
	check_says(misfit(type_by_name("text[]"), 1043, false, &arena), NULL);
	check_says(misfit(type_by_name("varchar[]"), 25, false, &arena), NULL);
	check_says(misfit(type_by_name("date[]"), 1082, false, &arena), NULL);
	check_says(misfit(moods, ENUM_OID, true, &arena), NULL);
	check_says(misfit(moods, ENUM_OID, false, &arena), "cannot be told apart");
	check_says(misfit(type_by_name("int"), 23, false, &arena),
		   "takes no array of it, but integer: write = ANY(:id)");
	check_says(misfit(type_by_name("int[]"), 0, false, &arena), "returns no column \"id\"");
	check_says(misfit(type_by_name("int[]"), 20, false, &arena),
		   "the column \"id\" is bigint, the parameter integer");
	check_says(misfit(type_by_name("numeric[]"), 1700, false, &arena),
		   "keys of type numeric cannot be told apart");
	check_says(misfit(type_by_name("char[]"), 1042, false, &arena), "cannot be told apart");
	check_says(misfit(type_by_name("timestamptz[]"), 1184, false, &arena),
		   "cannot be told apart");
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_that_postgres_shows_so_is_a_key),
		cmocka_unit_test(one_that_it_may_show_in_another_way_is_none),
		cmocka_unit_test(a_long_one_is_none),
		cmocka_unit_test(a_lookup_takes_an_array_and_returns_its_elements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
