/* SPDX-License-Identifier: Apache-2.0 */
/* What PostgreSQL refuses becomes an outcome; no stored row ever reaches the client with it. */
#include "pg/sqlstate.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

enum whose { QUERY_ON_STANDBY, QUERY_ON_PRIMARY, COMMAND, WHOSE };

static void every_sqlstate_has_its_outcome(void **state)
{
	static const struct {
		const char sqlstate[6];
		enum outcome of_query, of_command;
	} rows[] = {
		{ "23505", OUTCOME_CONFLICT, OUTCOME_CONFLICT },
		{ "23503", OUTCOME_CONFLICT, OUTCOME_CONFLICT },
		{ "23P01", OUTCOME_CONFLICT, OUTCOME_CONFLICT },
		{ "23502", OUTCOME_CONSTRAINT_VIOLATION, OUTCOME_CONSTRAINT_VIOLATION },
		{ "23514", OUTCOME_CONSTRAINT_VIOLATION, OUTCOME_CONSTRAINT_VIOLATION },
		{ "23000", OUTCOME_CONSTRAINT_VIOLATION, OUTCOME_CONSTRAINT_VIOLATION },
		{ "22012", OUTCOME_INVALID_VALUE, OUTCOME_INVALID_VALUE },
		{ "22P02", OUTCOME_INVALID_VALUE, OUTCOME_INVALID_VALUE },
		{ "P0001", OUTCOME_REJECTED, OUTCOME_REJECTED },
		{ "P0003", OUTCOME_QUERY_FAILED, OUTCOME_QUERY_FAILED },
		{ "40001", OUTCOME_SERIALIZATION_FAILURE, OUTCOME_SERIALIZATION_FAILURE },
		{ "40P01", OUTCOME_SERIALIZATION_FAILURE, OUTCOME_SERIALIZATION_FAILURE },
		{ "40003", OUTCOME_QUERY_FAILED, OUTCOME_QUERY_FAILED },
		{ "55P03", OUTCOME_LOCK_NOT_AVAILABLE, OUTCOME_LOCK_NOT_AVAILABLE },
		{ "57014", OUTCOME_TIMEOUT, OUTCOME_TIMEOUT },
		{ "25P04", OUTCOME_TIMEOUT, OUTCOME_TIMEOUT },
		{ "25006", OUTCOME_QUERY_WRITES, OUTCOME_NO_PRIMARY },
		{ "57P01", OUTCOME_NO_REPLICA, OUTCOME_NO_PRIMARY },
		{ "57P02", OUTCOME_NO_REPLICA, OUTCOME_NO_PRIMARY },
		{ "57P03", OUTCOME_NO_REPLICA, OUTCOME_NO_PRIMARY },
		{ "57P04", OUTCOME_NO_REPLICA, OUTCOME_NO_PRIMARY },
		{ "53300", OUTCOME_QUEUE_TIMEOUT, OUTCOME_QUEUE_TIMEOUT },
		{ "53200", OUTCOME_QUERY_FAILED, OUTCOME_QUERY_FAILED },
		{ "42501", OUTCOME_QUERY_FAILED, OUTCOME_QUERY_FAILED },
		{ "42P01", OUTCOME_QUERY_FAILED, OUTCOME_QUERY_FAILED },
		{ "0A000", OUTCOME_QUERY_FAILED, OUTCOME_QUERY_FAILED },
		{ "HV000", OUTCOME_QUERY_FAILED, OUTCOME_QUERY_FAILED },
		{ "AB123", OUTCOME_REJECTED, OUTCOME_REJECTED },
		{ "Z0000", OUTCOME_REJECTED, OUTCOME_REJECTED },
		{ "99999", OUTCOME_REJECTED, OUTCOME_REJECTED },
		{ "XX000", OUTCOME_QUERY_FAILED, OUTCOME_QUERY_FAILED },
		{ "", OUTCOME_QUERY_FAILED, OUTCOME_QUERY_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(sqlstate_verdict(rows[i].sqlstate, false, true).outcome,
				 rows[i].of_query);
		assert_int_equal(sqlstate_verdict(rows[i].sqlstate, true, false).outcome,
				 rows[i].of_command);
		assert_int_equal(sqlstate_verdict(rows[i].sqlstate, true, false).status, 0);
	}
}

static void only_what_is_safe_is_tried_again(void **state)
{
	static const struct {
		const char sqlstate[6];
		enum retry retry[WHOSE];
	} rows[] = {
		{ "40001", { RETRY_ELSEWHERE, RETRY_NEVER, RETRY_RERUN } },
		{ "40P01", { RETRY_ELSEWHERE, RETRY_NEVER, RETRY_RERUN } },
		{ "57P01", { RETRY_ELSEWHERE, RETRY_ELSEWHERE, RETRY_NEVER } },
		{ "57P03", { RETRY_ELSEWHERE, RETRY_ELSEWHERE, RETRY_NEVER } },
		{ "53300", { RETRY_ELSEWHERE, RETRY_ELSEWHERE, RETRY_NEVER } },
		{ "57P04", { RETRY_NEVER, RETRY_NEVER, RETRY_NEVER } },
		{ "57014", { RETRY_NEVER, RETRY_NEVER, RETRY_NEVER } },
		{ "25006", { RETRY_NEVER, RETRY_NEVER, RETRY_NEVER } },
		{ "0A000", { RETRY_NEVER, RETRY_NEVER, RETRY_NEVER } },
		{ "23505", { RETRY_NEVER, RETRY_NEVER, RETRY_NEVER } },
		{ "55P03", { RETRY_NEVER, RETRY_NEVER, RETRY_NEVER } },
		{ "XX000", { RETRY_NEVER, RETRY_NEVER, RETRY_NEVER } },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *sqlstate = rows[i].sqlstate;
		const enum retry *retry = rows[i].retry;

		assert_int_equal(sqlstate_verdict(sqlstate, false, true).retry,
				 retry[QUERY_ON_STANDBY]);
		assert_int_equal(sqlstate_verdict(sqlstate, false, false).retry,
				 retry[QUERY_ON_PRIMARY]);
		assert_int_equal(sqlstate_verdict(sqlstate, true, false).retry, retry[COMMAND]);
	}
}

static void what_is_not_found_is_404_for_commands_too(void **state)
{
	(void)state;
	for (int command = 0; command < 2; command++) {
		struct verdict verdict = sqlstate_verdict("P0002", command, false);

		assert_int_equal(verdict.outcome, OUTCOME_REJECTED);
		assert_int_equal(verdict.status, 404);
		assert_int_equal(verdict.retry, RETRY_NEVER);
	}
}

static void a_raise_with_pt_chooses_its_status(void **state)
{
	static const struct {
		const char sqlstate[6];
		unsigned status;
	} rows[] = {
		{ "PT400", 400 }, { "PT402", 402 }, { "PT599", 599 }, { "PT399", 0 },
		{ "PT600", 0 },   { "PT200", 0 },   { "PT4A0", 0 },   { "PTXYZ", 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct verdict verdict = sqlstate_verdict(rows[i].sqlstate, true, false);

		assert_int_equal(verdict.status, rows[i].status);
		assert_int_equal(verdict.outcome,
				 rows[i].status ? OUTCOME_REJECTED : OUTCOME_QUERY_FAILED);
	}
}

static struct loop *loop;

static int start_loop(void **state)
{
	(void)state;
	loop = loop_new("test");
	return 0;
}

static int end_loop(void **state)
{
	(void)state;
	loop_free(loop);
	return 0;
}

/* What the client is told of an error. */
static void explain(struct request *request, const struct pg_error *error, const char *param)
{
	struct call call = { .end = CALL_ERROR, .error = *error };

	*request = (struct request){ .kind = REQUEST_COMMAND, .loop = loop, .id = "request-1" };
	arena_init(&request->arena);
	sqlstate_explain(request, &call, true, text_of(param));
}

static void a_duplicate_names_its_constraint_and_not_the_row(void **state)
{
	struct request request;

	(void)state;
	explain(&request,
		&(struct pg_error){
			.sqlstate = "23505",
			.message = "duplicate key value violates unique constraint \"email_key\"",
			.detail = "Key (email)=(ann@example.org) already exists.",
			.hint = "ann@example.org",
			.constraint = "email_key",
		},
		NULL);

	assert_int_equal(request.outcome, OUTCOME_CONFLICT);
	assert_string_equal(request.sqlstate, "23505");
	assert_string_equal(request.constraint, "email_key");
	assert_null(request.column);
	assert_string_equal(request.detail,
			    "duplicate key value violates unique constraint \"email_key\"");
	assert_int_equal(request.errors_count, 0);
	arena_fini(&request.arena);
}

static void a_missing_value_names_its_column(void **state)
{
	struct request request;

	(void)state;
	explain(&request,
		&(struct pg_error){
			.sqlstate = "23502",
			.message = "null value in column \"sku\" of relation \"orders\" violates "
				   "not-null constraint",
			.detail = "Failing row contains (1, null, secret).",
			.column = "sku",
		},
		NULL);

	assert_int_equal(request.outcome, OUTCOME_CONSTRAINT_VIOLATION);
	assert_string_equal(request.column, "sku");
	assert_null(strstr(request.detail, "secret"));
	arena_fini(&request.arena);
}

static void a_value_that_cannot_be_read_at_bind_names_its_parameter(void **state)
{
	struct request request;

	(void)state;
	explain(&request,
		&(struct pg_error){
			.sqlstate = "22007",
			.param = 2,
			.message = "invalid input syntax for type date: \"yesterday-ish\"",
		},
		"since");

	assert_int_equal(request.outcome, OUTCOME_INVALID_PARAMETER);
	assert_string_equal(request.sqlstate, "22007");
	assert_int_equal(request.errors_count, 1);
	assert_string_equal(request.errors[0].param, "since");
	assert_string_equal(request.errors[0].detail,
			    "invalid input syntax for type date: \"yesterday-ish\"");
	arena_fini(&request.arena);
}

static void a_domain_that_refuses_a_parameter_names_both(void **state)
{
	struct request request;

	(void)state;
	explain(&request,
		&(struct pg_error){
			.sqlstate = "23514",
			.param = 1,
			.message =
				"value for domain share violates check constraint \"percent_ck\"",
			.constraint = "percent_ck",
		},
		"share");

	assert_int_equal(request.outcome, OUTCOME_INVALID_PARAMETER);
	assert_string_equal(request.constraint, "percent_ck");
	assert_string_equal(request.errors[0].param, "share");
	arena_fini(&request.arena);
}

static void a_parameter_is_blamed_whatever_the_sqlstate(void **state)
{
	static const char sqlstates[][6] = { "XX000", "42P01", "0A000", "P0001", "AB123", "PT409" };
	static const char not_its_fault[][6] = { "57014", "53200", "40001", "58030", "57P01" };
	struct request request;

	(void)state;
	for (size_t i = 0; i < COUNT(sqlstates); i++) {
		struct pg_error error = { .param = 1, .message = "parse error - \"x\"" };

		memcpy(error.sqlstate, sqlstates[i], sizeof error.sqlstate);
		explain(&request, &error, "area");
		assert_int_equal(request.outcome, OUTCOME_INVALID_PARAMETER);
		assert_int_equal(request.status, 0);
		assert_string_equal(request.errors[0].param, "area");
		assert_string_equal(request.errors[0].detail, "parse error - \"x\"");
		arena_fini(&request.arena);
	}
	for (size_t i = 0; i < COUNT(not_its_fault); i++) {
		struct pg_error error = { .param = 1, .message = "canceled" };

		memcpy(error.sqlstate, not_its_fault[i], sizeof error.sqlstate);
		explain(&request, &error, "area");
		assert_int_not_equal(request.outcome, OUTCOME_INVALID_PARAMETER);
		assert_int_equal(request.errors_count, 0);
		arena_fini(&request.arena);
	}
}

static void what_a_domain_looked_up_stays_inside(void **state)
{
	struct request request;

	(void)state;
	explain(&request,
		&(struct pg_error){
			.sqlstate = "22P02",
			.param = 1,
			.nested = true,
			.message = "invalid input syntax for type integer: \"secret\"",
		},
		"share");
	assert_int_equal(request.outcome, OUTCOME_INVALID_PARAMETER);
	assert_null(request.detail);
	assert_string_equal(request.errors[0].detail, "has a value that could not be read");
	arena_fini(&request.arena);
}

static void a_row_that_a_policy_refuses_is_forbidden(void **state)
{
	struct pg_error error = {
		.sqlstate = "42501",
		.source = "ExecWithCheckOptions",
		.message = "new row violates row-level security policy for table \"orders\"",
		.detail = "secret",
	};
	struct request request;

	(void)state;
	explain(&request, &error, NULL);
	assert_int_equal(request.outcome, OUTCOME_FORBIDDEN);
	assert_string_equal(request.detail, error.message);
	assert_null(request.db_detail);
	assert_null(request.sqlstate);
	arena_fini(&request.arena);

	error.source = "aclcheck_error";
	error.message = "permission denied for table secrets";
	explain(&request, &error, NULL);
	assert_int_equal(request.outcome, OUTCOME_QUERY_FAILED);
	assert_null(strstr(request.detail, "secrets"));
	arena_fini(&request.arena);
}

static void why_it_can_never_run_is_told(void **state)
{
	static const struct {
		const char sqlstate[6], *says;
	} rows[] = {
		{ "2D000", "commits or rolls back" },
		{ "25001", "within a transaction" },
		{ "25P01", "several statements" },
		{ "42701", "one name" },
	};
	struct request request;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pg_error error = { .message = "invalid transaction termination" };

		memcpy(error.sqlstate, rows[i].sqlstate, sizeof error.sqlstate);
		explain(&request, &error, NULL);
		assert_int_equal(request.outcome, OUTCOME_QUERY_FAILED);
		assert_non_null(strstr(request.detail, rows[i].says));
		arena_fini(&request.arena);
	}
}

static void a_stored_value_that_cannot_be_cast_stays_inside(void **state)
{
	static const struct {
		const char sqlstate[6], *message;
	} rows[] = {
		{ "22P02", "invalid input syntax for type integer: \"secret\"" },
		{ "22003", "value \"999999999999\" is out of range for type integer" },
		{ "22008", "date field value out of range: 1962-13-45" },
		{ "22P02", "ungültige Eingabesyntax für Typ integer: »secret«" },
		{ "22023", "cannot use 'secret'" },
	};
	struct request request;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pg_error error = { .message = rows[i].message };

		memcpy(error.sqlstate, rows[i].sqlstate, sizeof error.sqlstate);
		explain(&request, &error, NULL);
		assert_int_equal(request.outcome, OUTCOME_INVALID_VALUE);
		assert_string_equal(request.sqlstate, rows[i].sqlstate);
		assert_null(request.detail);
		arena_fini(&request.arena);
	}
}

static void an_error_of_class_22_without_a_value_is_told_in_full(void **state)
{
	struct request request;

	(void)state;
	explain(&request,
		&(struct pg_error){
			.sqlstate = "22001",
			.message = "value too long for type character varying(5)",
		},
		NULL);

	assert_int_equal(request.outcome, OUTCOME_INVALID_VALUE);
	assert_string_equal(request.detail, "value too long for type character varying(5)");
	arena_fini(&request.arena);
}

static void the_words_of_the_application_reach_the_client(void **state)
{
	struct request request;

	(void)state;
	explain(&request,
		&(struct pg_error){
			.sqlstate = "P0001",
			.message = "only 3 of \"pen\" left",
			.detail = "internal",
		},
		NULL);
	assert_int_equal(request.outcome, OUTCOME_REJECTED);
	assert_string_equal(request.sqlstate, "P0001");
	assert_string_equal(request.detail, "only 3 of \"pen\" left");
	arena_fini(&request.arena);

	explain(&request, &(struct pg_error){ .sqlstate = "PT402", .message = "pay first" }, NULL);
	assert_int_equal(request.outcome, OUTCOME_REJECTED);
	assert_int_equal(request.status, 402);
	assert_string_equal(request.detail, "pay first");
	assert_null(request.sqlstate);
	arena_fini(&request.arena);
}

static void detail_and_hint_of_the_application_reach_the_client(void **state)
{
	static const struct {
		const char sqlstate[6], *source;
		bool reach;
	} rows[] = {
		{ "P0001", "exec_stmt_raise", true },
		{ "PT409", "exec_stmt_raise", true },
		{ "AB123", "exec_stmt_raise", true },
		{ "P0001", NULL, true },
		{ "P0002", "exec_stmt_raise", true },
		{ "P0002", "exec_stmt_execsql", false },
		{ "PT200", "exec_stmt_raise", false },
		{ "P0003", "exec_stmt_execsql", false },
		{ "23505", NULL, false },
		{ "22P02", NULL, false },
		{ "42P01", NULL, false },
	};
	char longer[2 * PROBLEM_DETAIL_BYTES_MAX];
	struct request request;

	(void)state;
	memset(longer, 'a', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct pg_error error = {
			.source = rows[i].source,
			.message = "no",
			.detail = longer,
			.hint = "ask for fewer",
		};

		memcpy(error.sqlstate, rows[i].sqlstate, sizeof error.sqlstate);
		explain(&request, &error, NULL);
		if (rows[i].reach) {
			assert_int_equal(strlen(request.db_detail), PROBLEM_DETAIL_BYTES_MAX);
			assert_string_equal(request.hint, "ask for fewer");
		} else {
			assert_null(request.db_detail);
			assert_null(request.hint);
		}
		arena_fini(&request.arena);
	}
}

static void other_errors_are_for_the_log(void **state)
{
	static const char sqlstates[][6] = { "42501", "42P01", "XX000", "57014",
					     "40001", "25006", "PT200", "P0003" };
	struct request request;

	(void)state;
	for (size_t i = 0; i < COUNT(sqlstates); i++) {
		struct pg_error error = {
			.message = "permission denied for table secrets",
			.detail = "secrets",
			.hint = "secrets",
		};

		memcpy(error.sqlstate, sqlstates[i], sizeof error.sqlstate);
		explain(&request, &error, NULL);
		if (request.detail)
			assert_null(strstr(request.detail, "secrets"));
		if (strncmp(sqlstates[i], "P0", 2) != 0)
			assert_null(request.sqlstate);
		arena_fini(&request.arena);
	}
}

static void a_long_message_is_cut_between_characters(void **state)
{
	char message[PROBLEM_DETAIL_BYTES_MAX + 8];
	struct request request;

	(void)state;
	memset(message, 'a', sizeof message);
	memcpy(message + PROBLEM_DETAIL_BYTES_MAX - 2, "漢", sizeof "漢" - 1);
	message[sizeof message - 1] = '\0';
	explain(&request, &(struct pg_error){ .sqlstate = "P0001", .message = message }, NULL);

	assert_int_equal(strlen(request.detail), PROBLEM_DETAIL_BYTES_MAX - 2);
	arena_fini(&request.arena);
}

static void an_error_without_words_is_told_without_them(void **state)
{
	struct request request;

	(void)state;
	explain(&request, &(struct pg_error){ .sqlstate = "22P02", .param = 1 }, "id");

	assert_int_equal(request.outcome, OUTCOME_INVALID_PARAMETER);
	assert_null(request.detail);
	assert_string_equal(request.errors[0].detail, "has a value that could not be read");
	arena_fini(&request.arena);
}

/* What explaining the error writes to the log. */
static void log_of(const char sqlstate[6], const char *message, char *out, size_t room)
{
	struct pg_error error = { .message = message };
	struct request request;
	int ends[2], saved = dup(STDERR_FILENO);
	ssize_t len;

	assert_int_equal(pipe(ends), 0);
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	memcpy(error.sqlstate, sqlstate, sizeof error.sqlstate);
	explain(&request, &error, NULL);
	arena_fini(&request.arena);
	dup2(saved, STDERR_FILENO);
	close(saved);
	len = read(ends[0], out, room - 1);
	assert_true(len >= 0);
	out[len] = '\0';
	close(ends[0]);
}

static void the_reason_of_a_failed_query_is_in_the_log(void **state)
{
	char line[1024];

	(void)state;
	log_of("42P01", "relation \"secrets\" does not exist", line, sizeof line);
	assert_non_null(strstr(line, "does not exist"));
	assert_non_null(strstr(line, "42P01"));
	assert_non_null(strstr(line, "request-1"));
}

static void values_are_not_in_the_log(void **state)
{
	char line[1024];

	(void)state;
	log_of("22P02", "invalid input syntax for type integer: \"secret\"", line, sizeof line);
	assert_string_equal(line, "");
	log_of("P0004", "no account secret", line, sizeof line);
	assert_non_null(strstr(line, "raised by the application"));
	assert_null(strstr(line, "secret"));
}

static void a_query_that_fails_all_the_time_does_not_flood_the_log(void **state)
{
	char line[1024];
	unsigned lines = 0;

	(void)state;
	for (int i = 0; i < 30; i++) {
		log_of("42P01", "relation does not exist", line, sizeof line);
		lines += line[0] != '\0';
	}
	assert_in_range(lines, 1, 10);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		/* These first: how much is logged in a second is counted over all tests. */
		cmocka_unit_test(the_reason_of_a_failed_query_is_in_the_log),
		cmocka_unit_test(values_are_not_in_the_log),
		cmocka_unit_test(a_query_that_fails_all_the_time_does_not_flood_the_log),
		cmocka_unit_test(every_sqlstate_has_its_outcome),
		cmocka_unit_test(only_what_is_safe_is_tried_again),
		cmocka_unit_test(what_is_not_found_is_404_for_commands_too),
		cmocka_unit_test(a_raise_with_pt_chooses_its_status),
		cmocka_unit_test(a_duplicate_names_its_constraint_and_not_the_row),
		cmocka_unit_test(a_missing_value_names_its_column),
		cmocka_unit_test(a_value_that_cannot_be_read_at_bind_names_its_parameter),
		cmocka_unit_test(a_domain_that_refuses_a_parameter_names_both),
		cmocka_unit_test(a_parameter_is_blamed_whatever_the_sqlstate),
		cmocka_unit_test(what_a_domain_looked_up_stays_inside),
		cmocka_unit_test(a_row_that_a_policy_refuses_is_forbidden),
		cmocka_unit_test(why_it_can_never_run_is_told),
		cmocka_unit_test(a_stored_value_that_cannot_be_cast_stays_inside),
		cmocka_unit_test(an_error_of_class_22_without_a_value_is_told_in_full),
		cmocka_unit_test(the_words_of_the_application_reach_the_client),
		cmocka_unit_test(detail_and_hint_of_the_application_reach_the_client),
		cmocka_unit_test(other_errors_are_for_the_log),
		cmocka_unit_test(a_long_message_is_cut_between_characters),
		cmocka_unit_test(an_error_without_words_is_told_without_them),
	};

	return cmocka_run_group_tests(tests, start_loop, end_loop);
}
