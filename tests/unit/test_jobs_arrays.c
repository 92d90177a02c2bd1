/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* Arrays of commands: which are taken, what is sent for one, and what its client gets. */
#include "scene.h"

#include "base/json.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ROWS                                                                                       \
	"{\"n\":7,\"due_s\":0,\"mark\":11,\"run_at\":\"x\"},"                                      \
	"{\"n\":8,\"due_s\":0,\"mark\":12,\"run_at\":\"x\"}"
#define MEMBERS                                                                                    \
	"\",\"command\":\"defer\",\"state\":\"queued\",\"attempts\":0,\"attempts_max\":3,"         \
	"\"run_at\":\"x\""

static void send(struct scene *scene, struct asked *asked, const char *operation, const char *body)
{
	struct json_error error;

	scene_ask(scene, asked, REQUEST_COMMAND, operation, "ann");
	if (asked->request->body)
		json_free(asked->request->body);
	asked->request->body = json_read(text_of(body), &error);
	assert_non_null(asked->request->body);
	scene_take(scene, asked);
}

static const char *document(const struct asked *asked)
{
	buf_byte(&asked->request->out, '\0');
	return asked->request->out.ptr;
}

static void an_array_is_one_statement_and_one_document(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	struct call *call;

	send(scene, &asked, "defer", "[{\"id\":1},{\"id\":2,\"note\":3}]");
	call = fake_call(0, CALL_COMMAND);
	assert_non_null(call);
	assert_non_null(strstr(call->statement->text, "WITH ORDINALITY"));
	assert_int_equal(call->transaction, TRANSACTION_OWN);
	assert_string_equal(call->values[3], "{\"{\\\"id\\\":\\\"1\\\",\\\"note\\\":null}\","
					     "\"{\\\"id\\\":\\\"2\\\",\\\"note\\\":\\\"3\\\"}\"}");

	fake_commit(call, 2000, true, ROWS, 2);

	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	assert_int_equal(asked.request->status, 202);
	assert_null(asked.request->job.ptr);
	assert_memory_equal(document(&asked), "{\"jobs\":[{\"id\":\"", 16);
	assert_memory_equal(document(&asked) + 16 + 26, MEMBERS "},{\"id\":\"",
			    strlen(MEMBERS) + 9);
	assert_string_equal(document(&asked) + 16 + 26 + strlen(MEMBERS) + 9 + 26, MEMBERS "}]}");
}

static void an_array_that_is_not_taken_costs_no_question(void **state)
{
	static const struct {
		const char *operation, *body;
		enum outcome outcome;
	} rows[] = {
		{ "place", "[{}]", OUTCOME_INVALID_JSON },
		{ "queue", "[{}]", OUTCOME_INVALID_JSON },
		{ "defer", "[]", OUTCOME_BAD_REQUEST },
		{ "defer", "[{\"id\":1},{\"id\":1},{\"id\":1},{\"id\":1}]", OUTCOME_BAD_REQUEST },
		{ "defer", "[{\"id\":1},[]]", OUTCOME_INVALID_JSON },
		{ "defer", "[{\"id\":1},{}]", OUTCOME_MISSING_PARAMETER },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asked asked;

		send(scene, &asked, rows[i].operation, rows[i].body);

		assert_int_equal(asked.done, 1);
		assert_int_equal(asked.request->outcome, rows[i].outcome);
		assert_int_equal(fake_waiting(0), 0);
		asked_free(&asked);
	}
}

static void a_wrong_parameter_is_named_with_its_place(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	send(scene, &asked, "defer", "[{\"id\":1},{\"id\":\"x\",\"more\":1},{}]");

	assert_int_equal(asked.request->outcome, OUTCOME_UNKNOWN_PARAMETER);
	assert_int_equal(asked.request->errors_count, 3);
	assert_string_equal(asked.request->errors[0].param, "[1].more");
	assert_string_equal(asked.request->errors[1].param, "[1].id");
	assert_string_equal(asked.request->errors[2].param, "[2].id");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_STORY(an_array_is_one_statement_and_one_document),
		SCENE_STORY(an_array_that_is_not_taken_costs_no_question),
		SCENE_STORY(a_wrong_parameter_is_named_with_its_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
