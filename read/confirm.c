/* SPDX-License-Identifier: Apache-2.0 */
/* A primary's own answer is confirmed by nothing: it is what is to be confirmed. */
#include "read/confirm.h"

bool confirm_is_proven(const struct read *read, bool *pending)
{
	const struct task *task = &read->task;

	*pending = false;
	return task->wants_index && !task->needs.required_unknown && !read->query.on_primary &&
	       read->choice.must_prove &&
	       witnesses_confirm(&task->router->witnesses, task->moment, read->choice.node,
				 &read->query.call, pending);
}

enum confirmed confirm_judge(const struct read *read)
{
	bool pending;

	return confirm_is_proven(read, &pending) ? CONFIRMED : UNCONFIRMED;
}

enum step confirm_fail(struct read *read)
{
	const struct confirmation *confirmation = &read->task.router->topology.confirmation;

	return request_fail(
		read->task.request, OUTCOME_UNCONFIRMED, "the answer cannot be confirmed: %s",
		confirmation->needed ? "too few standbys were seen to follow the primary"
				     : confirmation_lack_text(confirmation->lack));
}
