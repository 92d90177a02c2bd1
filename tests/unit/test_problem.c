/* SPDX-License-Identifier: Apache-2.0 */
/* Problem documents: what is known is told, in JSON whatever is quoted. */
#include "http/problem.h"

#include "base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static char *written(const struct problem *problem)
{
	static struct buf out;

	buf_clear(&out);
	problem_write(&out, problem);
	buf_byte(&out, '\0');
	return out.ptr;
}

static void test_a_problem_with_little_to_tell(void **state)
{
	struct problem problem = { .outcome = OUTCOME_TIMEOUT,
				   .instance = TEXT("/v1/queries/a"),
				   .request_id = "r-1" };

	assert_string_equal(written(&problem),
			    "{\"type\":\"" PROBLEM_TYPE "#timeout\","
			    "\"title\":\"The request took too long\",\"status\":504,"
			    "\"instance\":\"/v1/queries/a\",\"code\":\"timeout\","
			    "\"request_id\":\"r-1\",\"retryable\":true}");
}

static void test_a_problem_with_much_to_tell(void **state)
{
	struct param_error errors[] = { { "a", "is missing" }, { "b\"", "no\nnumber" } };
	struct problem problem = { .outcome = OUTCOME_CONSTRAINT_VIOLATION,
				   .detail = "a \"quote\"",
				   .instance = TEXT("/v1/commands/a"),
				   .request_id = "r-1",
				   .errors = errors,
				   .errors_count = 2,
				   .sqlstate = "23502",
				   .constraint = "c",
				   .column = "d",
				   .hint = "h\x1b",
				   .db_detail = "e\n" };
	const char *text = written(&problem);

	assert_non_null(strstr(text, "\"detail\":\"a \\\"quote\\\"\",\"instance\""));
	assert_non_null(strstr(text, "\"retryable\":false,\"errors\":["
				     "{\"param\":\"a\",\"detail\":\"is missing\"},"
				     "{\"param\":\"b\\\"\",\"detail\":\"no\\nnumber\"}],"
				     "\"sqlstate\":\"23502\",\"constraint\":\"c\",\"column\":\"d\","
				     "\"db_detail\":\"e\\n\",\"hint\":\"h\\u001B\"}"));
}

static void test_a_status_of_an_application_is_told(void **state)
{
	struct problem problem = { .outcome = OUTCOME_REJECTED, .status = 402, .request_id = "r" };

	assert_non_null(strstr(written(&problem), "\"status\":402"));
	assert_int_equal(problem_status(OUTCOME_REJECTED, 402), 402);
	assert_int_equal(problem_status(OUTCOME_REJECTED, 0), 422);
	assert_int_equal(problem_status(OUTCOME_REJECTED, 200), 422);
	assert_int_equal(problem_status(OUTCOME_REJECTED, 999), 422);
}

static void test_a_long_detail_is_cut_between_characters(void **state)
{
	char detail[PROBLEM_DETAIL_BYTES_MAX + 3];
	struct problem problem = { .outcome = OUTCOME_REJECTED,
				   .request_id = "r",
				   .detail = detail };
	const char *text;

	memset(detail, 'a', sizeof(detail));
	memcpy(detail + PROBLEM_DETAIL_BYTES_MAX - 1, "\xc3\xa4", 3);
	text = strstr(written(&problem), "\"detail\":\"");

	assert_int_equal(strspn(text + strlen("\"detail\":\""), "a"), PROBLEM_DETAIL_BYTES_MAX - 1);
	assert_memory_equal(text + strlen("\"detail\":\"") + PROBLEM_DETAIL_BYTES_MAX - 1, "\",",
			    2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_problem_with_little_to_tell),
		cmocka_unit_test(test_a_problem_with_much_to_tell),
		cmocka_unit_test(test_a_status_of_an_application_is_told),
		cmocka_unit_test(test_a_long_detail_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
