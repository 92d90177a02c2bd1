/* SPDX-License-Identifier: Apache-2.0 */
/* Said where it has happened, or may have; what is accepted as a job has not. */
#include "write/groups.h"

#include "base/control.h"
#include "router/cache_groups.h"
#include "write/operation_form.h"
#include "write/state.h"

static bool groups_are_stale(const struct command *command)
{
	if (command->request->outcome == OUTCOME_OUTCOME_UNKNOWN)
		return true;
	return command->wrote && command->position.lsn;
}

void groups_note(struct task *task)
{
	const struct write *write = container_of(task, struct write, task);
	const struct command *command = &write->command;

	if (!CONTROL_CACHE_GROUPS || command->form != &operation_form || !task->values ||
	    request_is_accepted(command->request) || !groups_are_stale(command))
		return;
	command->request->cache_groups =
		cache_groups(task->operation, task->shape, task->values, &command->request->arena);
}
