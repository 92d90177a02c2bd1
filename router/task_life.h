/* SPDX-License-Identifier: Apache-2.0 */
/* A request is taken by its path, and given back to http/. On the loop's thread. */
#pragma once

#include "router/task.h"

/*
 * The request becomes that task, which its path embeds, and stands in the path's first state;
 * request_run comes next. on_end, or NULL: gives back what the path holds, just before the client
 * is answered; nothing waits any more by then.
 */
void task_begin(struct task *task, struct router *router, struct request *request,
		const struct request_path *path, struct list *in_state,
		void (*on_end)(struct task *task));
