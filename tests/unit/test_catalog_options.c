/* SPDX-License-Identifier: Apache-2.0 */
/* links: catalog_story.c */
/* The @options of operations: what they set, what is refused, what has no effect. */
#include "base/clock.h"
#include "catalog/draft.h"
#include "catalog_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define QUERY "-- query: q :many\n"
#define COMMAND "-- command: c :one\n"
#define CACHE_FORM "30s [swr=10s] [vary=user|none] [volatile=ok]"

static void what_is_not_said_has_the_defaults_of_the_contract(void **state)
{
	struct catalog *catalog;
	const struct operation *operation = story_operation(&catalog, QUERY "SELECT 1");

	assert_int_equal(operation->consistency, LEVEL_SESSION);
	assert_int_equal(operation->staleness_us_max, -1);
	assert_int_equal(operation->on_lag, ON_LAG_SPILL);
	assert_int_equal(operation->timeout_us, 0);
	assert_int_equal(operation->rows_max, 0);
	assert_int_equal(operation->urgency, 3);
	assert_int_equal(operation->cost, 1);
	assert_int_equal(operation->isolation, CATALOG_READ_COMMITTED);
	assert_int_equal(operation->access, ACCESS_PRINCIPALS);
	assert_int_equal(operation->roles_count, 0);
	assert_int_equal(operation->claims, CATALOG_CLAIMS_NONE);
	assert_int_equal(operation->cache_us, 0);
	assert_int_equal(operation->cache_swr_us, 0);
	assert_int_equal(operation->cache_vary, CACHE_VARY_AS_FOUND);
	assert_false(operation->cache_volatile_ok);
	assert_int_equal(operation->idempotency, IDEMPOTENCY_OPTIONAL);
	assert_int_equal(operation->async, ASYNC_NEVER);
	assert_int_equal(operation->workers, 0);
	assert_int_equal(operation->ordered_by, 0);
	catalog_let_go(catalog);
}

static void a_job_has_five_attempts_two_seconds_and_a_day_unless_its_command_says_so(void **state)
{
	struct catalog *catalog;
	const struct operation *operation =
		story_operation(&catalog, COMMAND "-- @async always\nSELECT 1");

	assert_int_equal(operation->async, ASYNC_ALWAYS);
	assert_int_equal(operation->retries, 4);
	assert_int_equal(operation->retries_backoff_us, 2 * US_PER_S);
	assert_int_equal(operation->keep_us, 24 * 3600 * US_PER_S);
	catalog_let_go(catalog);
}

static void options_of_a_query_are_read(void **state)
{
	struct catalog *catalog;
	const struct operation *operation =
		story_operation(&catalog, QUERY "-- @consistency eventual\n"
						"-- @max-staleness 5s\n"
						"--   @on-lag stale  \n"
						"--@timeout 500ms\r\n"
						"-- @max-rows 500\n"
						"-- @priority 0\n"
						"-- @cost 25\n"
						"-- @cache 30s swr=10s vary=user volatile=ok\n"
						"-- @tags a, orders:{id}:x\n"
						"-- @public\n"
						"-- @claims\n"
						"SELECT :id");

	assert_int_equal(operation->consistency, LEVEL_EVENTUAL);
	assert_int_equal(operation->staleness_us_max, 5 * US_PER_S);
	assert_int_equal(operation->on_lag, ON_LAG_STALE);
	assert_int_equal(operation->timeout_us, 500 * US_PER_MS);
	assert_int_equal(operation->rows_max, 500);
	assert_int_equal(operation->urgency, 0);
	assert_int_equal(operation->cost, 25);
	assert_int_equal(operation->cache_us, 30 * US_PER_S);
	assert_int_equal(operation->cache_swr_us, 10 * US_PER_S);
	assert_int_equal(operation->cache_vary, CACHE_VARY_USER);
	assert_true(operation->cache_volatile_ok);
	assert_int_equal(operation->tags_count, 2);
	assert_int_equal(operation->tags[0].parts_count, 1);
	assert_true(text_is(operation->tags[0].parts[0].name, "a"));
	assert_int_equal(operation->tags[1].parts_count, 3);
	assert_true(text_is(operation->tags[1].parts[0].name, "orders"));
	assert_int_equal(operation->tags[1].parts[0].param, 0);
	assert_string_equal(operation->parameters[operation->tags[1].parts[1].param - 1].name,
			    "id");
	assert_true(text_is(operation->tags[1].parts[2].name, "x"));
	assert_int_equal(operation->access, ACCESS_PUBLIC);
	assert_int_equal(operation->claims, CATALOG_CLAIMS_SET);
	catalog_let_go(catalog);
}

static void a_strong_query_may_demand_that_its_answers_are_confirmed(void **state)
{
	static const struct {
		const char *text;
		enum from from;
	} cases[] = {
		{ QUERY "-- @consistency strong\nSELECT 1", FROM_DEFAULT },
		{ QUERY "-- @consistency strong confirmed\nSELECT 1", FROM_REPLICA_CONFIRMED },
		{ QUERY "-- @consistency strong  confirmed \nSELECT 1", FROM_REPLICA_CONFIRMED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct catalog *catalog;
		const struct operation *operation = story_operation(&catalog, cases[i].text);

		assert_int_equal(operation->consistency, LEVEL_STRONG);
		assert_int_equal(operation->from, cases[i].from);
		catalog_let_go(catalog);
	}
}

static void options_of_a_command_are_read(void **state)
{
	struct catalog *catalog;
	const struct operation *operation =
		story_operation(&catalog, COMMAND "-- @idempotency required\n"
						  "-- @async allowed\n"
						  "-- @workers 2\n"
						  "-- @retries 5 backoff=3s\n"
						  "-- @keep 1h\n"
						  "-- @isolation repeatable read\n"
						  "-- @group off\n"
						  "-- @timeout 1m\n"
						  "-- @invalidates orders:{id}\n"
						  "-- @writes orders, shop.lines\n"
						  "-- @roles clerk, back-office\n"
						  "-- @internal\n"
						  "INSERT INTO t VALUES (:id)");

	assert_int_equal(operation->idempotency, IDEMPOTENCY_REQUIRED);
	assert_int_equal(operation->async, ASYNC_ALLOWED);
	assert_int_equal(operation->workers, 2);
	assert_int_equal(operation->retries, 5);
	assert_int_equal(operation->retries_backoff_us, 3 * US_PER_S);
	assert_int_equal(operation->keep_us, 3600 * US_PER_S);
	assert_int_equal(operation->isolation, CATALOG_REPEATABLE_READ);
	assert_true(operation->lonely);
	assert_int_equal(operation->timeout_us, 60 * US_PER_S);
	assert_int_equal(operation->tags_count, 1);
	assert_true(text_is(operation->tags[0].parts[0].name, "orders"));
	assert_int_equal(operation->tags[0].parts[1].param, 1);
	assert_int_equal(operation->relations_count, 2);
	assert_true(text_is(operation->relations[1], "shop.lines"));
	assert_int_equal(operation->roles_count, 2);
	assert_true(text_is(operation->roles[0], "clerk"));
	assert_true(text_is(operation->roles[1], "back-office"));
	assert_int_equal(operation->access, ACCESS_INTERNAL);
	catalog_let_go(catalog);
}

static void a_statement_knows_whether_it_is_coalesced(void **state)
{
	static const struct {
		const char *text;
		enum coalescing coalescing;
	} cases[] = {
		{ QUERY "SELECT 1", COALESCING_UNLESS_VOLATILE },
		{ QUERY "-- @coalesce on\nSELECT 1", COALESCING_ALWAYS },
		{ QUERY "-- @coalesce off\nSELECT 1", COALESCING_NEVER },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct catalog *catalog;
		const struct operation *operation = story_operation(&catalog, cases[i].text);

		assert_int_equal(operation->statement->coalescing, cases[i].coalescing);
		catalog_let_go(catalog);
	}
}

static void an_unknown_option_or_value_names_the_nearest_known_word(void **state)
{
	static const struct story stories[] = {
		{ QUERY "-- @timout 2s\nSELECT 1",
		  "shop.sql:2:4: error: unknown option \"@timout\"; did you mean \"@timeout\"?" },
		{ QUERY "-- @Timeout 2s\nSELECT 1",
		  "shop.sql:2:4: error: unknown option \"@Timeout\"; did you mean \"@timeout\"?" },
		{ QUERY "-- @author somebody\nSELECT 1",
		  "shop.sql:2:4: error: unknown option \"@author\"" },
		{ QUERY "-- @\nSELECT 1", "shop.sql:2:4: error: unknown option \"@\"" },
		{ QUERY "-- @consistency strnog\nSELECT 1",
		  "shop.sql:2:17: error: \"strnog\" is no value of @consistency "
		  "eventual|session|strong [confirmed]; did you mean \"strong\"?" },
		{ QUERY "-- @consistency session confirmed\nSELECT 1",
		  "shop.sql:2:17: error: \"session confirmed\" is no value of @consistency "
		  "eventual|session|strong [confirmed]" },
		{ QUERY "-- @consistency strong confirmed twice\nSELECT 1",
		  "shop.sql:2:17: error: \"strong confirmed twice\" is no value of @consistency "
		  "eventual|session|strong [confirmed]" },
		{ QUERY "-- @on-lag\nSELECT 1",
		  "shop.sql:2:11: error: a value is missing: @on-lag spill|stale|fail" },
		{ COMMAND "-- @group offf\nSELECT 1",
		  "shop.sql:2:11: error: \"offf\" is no value of @group on|off; did you mean "
		  "\"off\"?" },
		{ QUERY "-- @coalesce no\nSELECT 1",
		  "shop.sql:2:14: error: \"no\" is no value of @coalesce on|off; did you mean "
		  "\"on\"?" },
		{ COMMAND "-- @coalesce off\nSELECT 1",
		  "shop.sql:2:4: error: @coalesce is for a query, not for a command" },
		{ QUERY "-- @group off\nSELECT 1",
		  "shop.sql:2:4: error: @group is for a command, not for a query" },
		{ COMMAND "-- @isolation serialisable\nSELECT 1",
		  "shop.sql:2:15: error: \"serialisable\" is no value of @isolation read "
		  "committed|repeatable read|serializable; did you mean \"serializable\"?" },
		{ COMMAND "-- @retries 5 2s\nSELECT 1",
		  "shop.sql:2:15: error: \"2s\" does not belong in @retries 5 [backoff=2s]" },
		{ QUERY "-- @public yes\nSELECT 1",
		  "shop.sql:2:12: error: @public takes no value" },
	};

	STORY_CHECK(stories);
}

static void the_parts_of_cache_are_known_words(void **state)
{
	static const struct story stories[] = {
		{ QUERY "-- @cache 30s vry=user\nSELECT 1",
		  "shop.sql:2:15: error: \"vry=user\" does not belong in @cache " CACHE_FORM
		  "; did you mean \"vary\"?" },
		{ QUERY "-- @cache 30s vary=user swr=1s swr=2s\nSELECT 1",
		  "shop.sql:2:32: error: \"swr=2s\" does not belong in @cache " CACHE_FORM },
		{ QUERY "-- @cache 30s vary=users\nSELECT 1",
		  "shop.sql:2:20: error: \"users\" is no value of @cache " CACHE_FORM
		  "; did you mean \"user\"?" },
		{ QUERY "-- @cache 30s volatile=yes\nSELECT 1",
		  "shop.sql:2:24: error: \"yes\" is no value of @cache " CACHE_FORM },
		{ QUERY "-- @cache 30s volatil=ok\nSELECT 1",
		  "shop.sql:2:15: error: \"volatil=ok\" does not belong in @cache " CACHE_FORM
		  "; did you mean \"volatile\"?" },
		{ QUERY "-- @cache 30s volatile\nSELECT 1",
		  "shop.sql:2:15: error: \"volatile\" does not belong in @cache " CACHE_FORM },
		{ QUERY "-- @cache swr=10s\nSELECT 1",
		  "shop.sql:2:11: error: a value is missing: @cache " CACHE_FORM },
		{ QUERY "-- @cache\nSELECT 1",
		  "shop.sql:2:10: error: a value is missing: @cache " CACHE_FORM },
		{ QUERY "-- @cache 0s\nSELECT 1",
		  "shop.sql:2:11: error: @cache is from 1ms to 2592000000ms" },
		{ QUERY "-- @swr 10s\nSELECT 1",
		  "shop.sql:2:4: error: \"swr\" is a part of @cache, behind its duration" },
	};

	STORY_CHECK(stories);
}

static void values_have_ranges_and_units(void **state)
{
#define DURATION " is no duration: a whole number and ms, s, m or h"
	static const struct story stories[] = {
		{ QUERY "-- @timeout 2\nSELECT 1", "shop.sql:2:13: error: \"2\"" DURATION },
		{ QUERY "-- @timeout 1.5s\nSELECT 1", "shop.sql:2:13: error: \"1.5s\"" DURATION },
		{ QUERY "-- @timeout -1s\nSELECT 1", "shop.sql:2:13: error: \"-1s\"" DURATION },
		{ QUERY "-- @timeout 99999999999999999999h\nSELECT 1",
		  "shop.sql:2:13: error: \"99999999999999999999h\"" DURATION },
		{ QUERY "-- @timeout\nSELECT 1",
		  "shop.sql:2:12: error: a value is missing: @timeout 2s" },
		{ QUERY "-- @timeout 0s\nSELECT 1",
		  "shop.sql:2:13: error: @timeout is from 1ms to 3600000ms" },
		{ QUERY "-- @timeout 61m\nSELECT 1",
		  "shop.sql:2:13: error: @timeout is from 1ms to 3600000ms" },
		{ QUERY "-- @timeout 1h\nSELECT 1", NULL },
		{ COMMAND "-- @cost 0\nSELECT 1",
		  "shop.sql:2:10: error: @cost is a number from 1 to 1000000" },
		{ QUERY "-- @cost\nSELECT 1",
		  "shop.sql:2:9: error: a value is missing: @cost 1..1000000" },
		{ QUERY "-- @max-staleness 0s\nSELECT 1", NULL },
		{ QUERY "-- @priority 8\nSELECT 1",
		  "shop.sql:2:14: error: @priority is a number from 0 to 7" },
		{ QUERY "-- @priority 18446744073709551616\nSELECT 1",
		  "shop.sql:2:14: error: @priority is a number from 0 to 7" },
		{ QUERY "-- @max-rows 0\nSELECT 1",
		  "shop.sql:2:14: error: @max-rows is a number from 1 to 10000000" },
		{ QUERY "-- @max-rows 5 rows\nSELECT 1",
		  "shop.sql:2:14: error: @max-rows is a number from 1 to 10000000" },
		{ COMMAND "-- @order-by\nSELECT :id",
		  "shop.sql:2:13: error: a value is missing: @order-by PARAM" },
		{ COMMAND "-- @order-by idd\nSELECT :id",
		  "shop.sql:2:14: error: \"idd\" is no parameter of the statement; did you mean "
		  "\"id\"?" },
		{ COMMAND "-- @workers 0\nSELECT 1",
		  "shop.sql:2:13: error: @workers is a number from 1 to 1024" },
		{ COMMAND "-- @retries 101\nSELECT 1",
		  "shop.sql:2:13: error: @retries is a number from 0 to 100" },
		{ COMMAND "-- @keep 999ms\nSELECT 1",
		  "shop.sql:2:10: error: @keep is from 1000ms to 2592000000ms" },
		{ COMMAND "-- @keep\nSELECT 1",
		  "shop.sql:2:9: error: a value is missing: @keep 24h" },
	};

	STORY_CHECK(stories);
}

static void an_option_stands_once_where_it_belongs(void **state)
{
#define MISPLACED "an option stands between the header of its operation and the statement"
	static const struct story stories[] = {
		{ QUERY "-- @timeout 2s\n-- @timeout 3s\nSELECT 1",
		  "shop.sql:3:4: error: @timeout is given twice" },
		{ QUERY "-- @isolation serializable\nSELECT 1",
		  "shop.sql:2:4: error: @isolation is for a command, not for a query" },
		{ COMMAND "-- @cache 2s\nSELECT 1",
		  "shop.sql:2:4: error: @cache is for a query, not for a command" },
		{ QUERY "-- @writes orders\nSELECT 1",
		  "shop.sql:2:4: error: @writes is for a command, not for a query" },
		{ "-- @timeout 2s\n" QUERY "SELECT 1", "shop.sql:1:4: error: " MISPLACED },
		{ QUERY "SELECT 1\n-- @timeout 2s", "shop.sql:3:4: error: " MISPLACED },
		{ QUERY "SELECT 1;\n-- @param x", "shop.sql:3:4: error: " MISPLACED },
		{ QUERY "SELECT 1 -- @timeout 2s\n-- @see the other", NULL },
		{ QUERY "-- @public\n-- @roles a\nSELECT 1",
		  "shop.sql:3:4: error: @public and @roles exclude each other" },
		{ QUERY "-- @internal\n-- @public\nSELECT 1",
		  "shop.sql:2:4: error: @public and @internal exclude each other" },
	};

	STORY_CHECK(stories);
}

static void groups_name_parameters_of_the_statement(void **state)
{
#define BAD " is no value of @tags a, b:{param}"
	static const struct story stories[] = {
		{ QUERY "-- @tags a.b-c:{id}, {id}, x:{id}:{id}\nSELECT :id", NULL },
		{ QUERY "-- @tags orders:{ids}\nSELECT :id",
		  "shop.sql:2:18: error: \"ids\" is no parameter of the statement; did you mean "
		  "\"id\"?" },
		{ QUERY "-- @tags orders:{id\nSELECT :id", "shop.sql:2:17: error: a } is missing" },
		{ QUERY "-- @tags a,,b\nSELECT 1",
		  "shop.sql:2:12: error: a value is missing: @tags a, b:{param}" },
		{ QUERY "-- @tags a,\nSELECT 1",
		  "shop.sql:2:12: error: a value is missing: @tags a, b:{param}" },
		{ QUERY "-- @tags a b\nSELECT 1", "shop.sql:2:10: error: \"a b\"" BAD },
		{ QUERY "-- @tags a:\nSELECT 1", "shop.sql:2:10: error: \"a:\"" BAD },
		{ QUERY "-- @tags a{id}\nSELECT :id", "shop.sql:2:10: error: \"a{id}\"" BAD },
		{ QUERY "-- @tags 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16\n"
			"SELECT 1",
		  "shop.sql:2:64: error: @tags has more than 16 groups" },
		{ COMMAND "-- @invalidates orders:{ids}\nSELECT :id",
		  "shop.sql:2:25: error: \"ids\" is no parameter of the statement; did you mean "
		  "\"id\"?" },
		{ QUERY "-- @tags {id}a\nSELECT :id", "shop.sql:2:10: error: \"{id}a\"" BAD },
		{ COMMAND "-- @roles a,b c\nSELECT 1",
		  "shop.sql:2:13: error: \"b c\" is no value of @roles a, b" },
	};

	STORY_CHECK(stories);
}

static void an_answer_for_one_user_is_never_cached_for_others(void **state)
{
	struct catalog *catalog;
	const struct operation *operation =
		story_operation(&catalog, QUERY "-- @cache 5s\nSELECT :request_user");

	assert_int_equal(operation->cache_vary, CACHE_VARY_USER);
	catalog_let_go(catalog);
	assert_string_equal(story_errors(QUERY "-- @cache 5s vary=none\nSELECT :request_user"),
			    "shop.sql:2:4: error: vary=none, but the statement uses :request_user");
	assert_string_equal(story_errors(QUERY "-- @cache 5s vary=none\n-- @claims\nSELECT 1"),
			    "shop.sql:2:4: error: vary=none, but the operation is @claims");
	assert_null(story_errors(QUERY "-- @cache 5s vary=user\n-- @claims\nSELECT 1"));
}

static void who_may_share_an_answer_is_said_or_found(void **state)
{
	static const struct {
		const char *text;
		enum cache_vary vary;
	} cases[] = {
		{ QUERY "-- @cache 5s\nSELECT 1", CACHE_VARY_AS_FOUND },
		{ QUERY "-- @cache 5s vary=none\nSELECT 1", CACHE_VARY_NONE },
		{ QUERY "-- @cache 5s vary=user\nSELECT 1", CACHE_VARY_USER },
		{ QUERY "-- @cache 5s\n-- @claims\nSELECT 1", CACHE_VARY_USER },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct catalog *catalog;
		const struct operation *operation = story_operation(&catalog, cases[i].text);

		assert_int_equal(operation->cache_vary, cases[i].vary);
		catalog_let_go(catalog);
	}
}

static void what_has_no_machinery_yet_is_noted(void **state)
{
	struct catalog *catalog = story_catalog("-- command: c :exec\n"
						"-- @async never\n"
						"-- @timeout 2s\n"
						"SELECT 1;\n"
						"-- query: q :one\n"
						"-- @cache 5s\n"
						"SELECT 1;\n"
						"-- query: r :one\n"
						"-- @tags orders\n"
						"SELECT 1;\n"
						"-- command: d :exec\n"
						"-- @async allowed\n"
						"-- @retries 5\n"
						"-- @keep 1h\n"
						"SELECT 1;\n"
						"-- command: e :exec\n"
						"-- @retries 5\n"
						"-- @keep 1h\n"
						"-- @workers 2\n"
						"SELECT 1;\n");
	struct buf lines;

	buf_init(&lines);
	catalog_notes(catalog, &lines);
	buf_byte(&lines, 0);
	assert_string_equal(lines.ptr,
			    "shop.sql:9: note: @tags of r has no effect: it is not @cache\n"
			    "shop.sql:17: note: @retries of e has no effect: it is not @async\n"
			    "shop.sql:18: note: @keep of e has no effect: it is not @async\n"
			    "shop.sql:19: note: @workers of e has no effect: it is not @async\n");
	buf_fini(&lines);
	catalog_let_go(catalog);
}

static void a_schedule_is_read(void **state)
{
	struct catalog *catalog;
	const struct operation *operation =
		story_operation(&catalog, COMMAND "-- @every 90s\nSELECT 1");

	assert_int_equal(operation->schedule.kind, SCHEDULE_EVERY);
	assert_int_equal(operation->schedule.every_us, 90 * US_PER_S);
	assert_string_equal(operation->schedule.spec, "@every 90s");
	assert_true(operation_is_job(operation));
	catalog_let_go(catalog);
	operation = story_operation(&catalog, COMMAND "-- @cron \" 0  3\t* * mon-fri \"\nSELECT 1");
	assert_int_equal(operation->schedule.kind, SCHEDULE_CRON);
	assert_string_equal(operation->schedule.spec, "@cron 0 3 * * mon-fri");
	assert_true(operation_is_job(operation));
	catalog_let_go(catalog);
	operation = story_operation(&catalog, COMMAND "-- @async never\nSELECT 1");
	assert_int_equal(operation->schedule.kind, SCHEDULE_NONE);
	assert_false(operation_is_job(operation));
	catalog_let_go(catalog);
}

/* Who may call it, and how, is of its clients; of its jobs it says how they are run. */
static void a_schedule_goes_with_all_other_options(void **state)
{
	struct catalog *catalog;
	const struct operation *operation =
		story_operation(&catalog, COMMAND "-- @param max int = 10\n"
						  "-- @param note text?\n"
						  "-- @every 1h\n"
						  "-- @async never\n"
						  "-- @internal\n"
						  "-- @roles a, b\n"
						  "-- @idempotency required\n"
						  "-- @retries 2\n"
						  "-- @keep 1h\n"
						  "-- @workers 1\n"
						  "-- @order-by max\n"
						  "SELECT :max, :note, :request_user");
	struct buf lines;

	assert_int_equal(operation->schedule.kind, SCHEDULE_EVERY);
	buf_init(&lines);
	catalog_notes(catalog, &lines);
	assert_int_equal(lines.len, 0);
	buf_fini(&lines);
	catalog_let_go(catalog);
}

static void what_is_wrong_with_a_schedule_is_said(void **state)
{
#define CRON "@cron \"M H D M W\""
	static const struct story stories[] = {
		{ COMMAND "-- @cron */5 * * * *\nSELECT 1", NULL },
		{ COMMAND "-- @every 999ms\nSELECT 1",
		  "shop.sql:2:11: error: @every is from 1000ms to 31622400000ms" },
		{ COMMAND "-- @every 5\nSELECT 1",
		  "shop.sql:2:11: error: \"5\" is no duration: a whole number and ms, s, m or h" },
		{ COMMAND "-- @every\nSELECT 1",
		  "shop.sql:2:10: error: a value is missing: @every 5m" },
		{ COMMAND "-- @cron\nSELECT 1", "shop.sql:2:9: error: a value is missing: " CRON },
		{ COMMAND "-- @cron \"0 3 * * *\nSELECT 1",
		  "shop.sql:2:10: error: \"\"0 3 * * *\" is no value of " CRON },
		{ COMMAND "-- @cron 0 3 \"* * *\"\nSELECT 1",
		  "shop.sql:2:10: error: \"0 3 \"* * *\"\" is no value of " CRON },
		{ COMMAND "-- @cron \"0 24 * * *\"\nSELECT 1",
		  "shop.sql:2:13: error: @cron: \"24\" is no hour: 0 to 23" },
		{ COMMAND "-- @cron \"0 0 * * monday\"\nSELECT 1",
		  "shop.sql:2:19: error: @cron: \"monday\" is no weekday: 0 to 7, or sun to sat; "
		  "did you mean \"mon\"?" },
		{ COMMAND "-- @cron \"0 0 31 2 *\"\nSELECT 1",
		  "shop.sql:2:15: error: @cron: no such day ever comes" },
		{ COMMAND "-- @crom \"0 0 * * *\"\nSELECT 1",
		  "shop.sql:2:4: error: unknown option \"@crom\"; did you mean \"@cron\"?" },
		{ COMMAND "-- @every 5m\n-- @every 5m\nSELECT 1",
		  "shop.sql:3:4: error: @every is given twice" },
		{ COMMAND "-- @every 5m\n-- @cron \"0 0 * * *\"\nSELECT 1",
		  "shop.sql:3:11: error: @every and @cron exclude each other" },
		{ QUERY "-- @every 5m\nSELECT 1",
		  "shop.sql:2:4: error: @every is for a command, not for a query" },
		{ COMMAND "-- @every 5m\nSELECT :id",
		  "shop.sql:2:11: error: a schedule has no value for id: declare it optional, or "
		  "with a default" },
		{ COMMAND "-- @param id int\n-- @cron \"0 0 * * *\"\nSELECT :id",
		  "shop.sql:3:11: error: a schedule has no value for id: declare it optional, or "
		  "with a default" },
	};

	STORY_CHECK(stories);
}

static void jobs_are_ordered_by_a_parameter(void **state)
{
	struct catalog *catalog;
	const struct operation *operation =
		story_operation(&catalog, COMMAND "-- @async always\n"
						  "-- @order-by :account\n"
						  "SELECT :amount, :account");

	assert_string_equal(operation->parameters[operation->ordered_by - 1].name, "account");
	catalog_let_go(catalog);
}

/* What a stored job was made by, as far as a command itself can change it. */
static void the_version_of_an_operation_changes_with_its_statement(void **state)
{
	struct catalog *catalogs[3];
	const struct operation *first = story_operation(&catalogs[0], COMMAND "SELECT :a, 1");
	const struct operation *same =
		story_operation(&catalogs[1], COMMAND "-- @timeout 2s\nSELECT :a, 1");
	const struct operation *other = story_operation(&catalogs[2], COMMAND "SELECT :a, 2");

	assert_int_equal(strlen(first->version), 16);
	assert_string_equal(first->version, same->version);
	assert_string_not_equal(first->version, other->version);
	for (unsigned i = 0; i < 3; i++)
		catalog_let_go(catalogs[i]);
}

static void options_of_callers_take_no_value(void **state)
{
	assert_non_null(strstr(story_errors(QUERY "-- @claims all\nSELECT 1"), "takes no value"));
	assert_non_null(strstr(story_errors(QUERY "-- @internal x\nSELECT 1"), "takes no value"));
	assert_non_null(strstr(story_errors(QUERY "-- @internl\nSELECT 1"), "@internal"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_said_has_the_defaults_of_the_contract),
		cmocka_unit_test(
			a_job_has_five_attempts_two_seconds_and_a_day_unless_its_command_says_so),
		cmocka_unit_test(options_of_a_query_are_read),
		cmocka_unit_test(a_strong_query_may_demand_that_its_answers_are_confirmed),
		cmocka_unit_test(options_of_a_command_are_read),
		cmocka_unit_test(a_statement_knows_whether_it_is_coalesced),
		cmocka_unit_test(an_unknown_option_or_value_names_the_nearest_known_word),
		cmocka_unit_test(the_parts_of_cache_are_known_words),
		cmocka_unit_test(values_have_ranges_and_units),
		cmocka_unit_test(an_option_stands_once_where_it_belongs),
		cmocka_unit_test(groups_name_parameters_of_the_statement),
		cmocka_unit_test(an_answer_for_one_user_is_never_cached_for_others),
		cmocka_unit_test(who_may_share_an_answer_is_said_or_found),
		cmocka_unit_test(what_has_no_machinery_yet_is_noted),
		cmocka_unit_test(a_schedule_is_read),
		cmocka_unit_test(a_schedule_goes_with_all_other_options),
		cmocka_unit_test(what_is_wrong_with_a_schedule_is_said),
		cmocka_unit_test(jobs_are_ordered_by_a_parameter),
		cmocka_unit_test(the_version_of_an_operation_changes_with_its_statement),
		cmocka_unit_test(options_of_callers_take_no_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
