/* SPDX-License-Identifier: Apache-2.0 */
/* Which node was asked is the router's choice: the stories follow it. */
#include "query_story.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* The replica that was asked; fails when none or both were. */
unsigned asked_replica(void)
{
	unsigned first = fake_call(1, CALL_QUERY) ? 1 : 0,
		 second = fake_call(2, CALL_QUERY) ? 2 : 0;

	assert_true((first != 0) != (second != 0));
	assert_null(fake_call(0, CALL_QUERY));
	return first + second;
}

void assert_document(const struct asked *asked, const char *document)
{
	assert_int_equal(asked->done, 1);
	assert_int_equal(asked->request->outcome, OUTCOME_OK);
	assert_int_equal(asked->request->out.len, strlen(document));
	assert_memory_equal(asked->request->out.ptr, document, strlen(document));
}

void wrote(struct scene *scene, const char *user, uint64_t lsn)
{
	assert_true(sessions_wrote(scene->sessions, text_of(user), (struct position){ 1, lsn }));
}

/* Both replicas were asked and had not replayed enough: the query is parked now. */
void park(struct scene *scene, struct asked *asked, const char *operation)
{
	wrote(scene, "ann", REQUIRED_LSN);
	scene_ask(scene, asked, REQUEST_QUERY, operation, "ann");
	scene_take(scene, asked);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), EARLY_LSN, EARLY_LSN + 1, row, 1);
	fake_answer(fake_call(asked_replica(), CALL_QUERY), EARLY_LSN, EARLY_LSN + 1, row, 1);
	assert_int_equal(asked->done, 0);
	assert_null(fake_call(0, CALL_QUERY));
}

unsigned probed_replica(void)
{
	assert_true(fake_call(1, CALL_PROBE) || fake_call(2, CALL_PROBE));
	return fake_call(1, CALL_PROBE) ? 1 : 2;
}
