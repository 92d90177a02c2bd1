/* SPDX-License-Identifier: Apache-2.0 */
/* What is due for every request, whatever its path and its end. */
#include "router/task_life.h"

#include "router/heavy_hitters.h"
#include "router/node_health.h"
#include "router/request_timing.h"
#include "router/revalidate.h"
#include "router/too_many_connections.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

/* No more of a name than there is room for, and no half of a character. */
static struct text task_hitter(struct text name)
{
	if (name.len <= HEAVY_HITTERS_NAME_BYTES_MAX)
		return name;
	name.len = HEAVY_HITTERS_NAME_BYTES_MAX;
	while (name.len && ((unsigned char)name.ptr[name.len] & 0xc0) == 0x80)
		name.len--;
	return name;
}

static void task_charge(struct task *task)
{
	const struct request *request = task->request;
	const struct text names[HEAVY_HITTERS_KINDS] = {
		[HEAVY_HITTERS_OPERATIONS] = text_of(request->operation_name),
		[HEAVY_HITTERS_USERS] = task_hitter(request->user_key),
		[HEAVY_HITTERS_CALLERS] = task_hitter(request->caller),
	};

	heavy_hitters_charge(&task->router->hitters, loop_now(request->loop), names,
			     request->db_us);
	task->router->hitters_charged = true;
}

/* To come back before a breaker lets a request through would be in vain. */
static void task_tell_pause(struct task *task)
{
	struct request *request = task->request;
	int64_t pause_us;

	if (outcome_row(request->outcome)->status != 503)
		return;
	pause_us = node_health_pause_us(task->router, request->kind != REQUEST_QUERY ||
							      task->needs.level == LEVEL_STRONG);
	if (pause_us > request->retry_after_us)
		request->retry_after_us = pause_us;
}

/* Between the last step and http: what the task holds is given back, then the client is answered.
 * */
static void task_on_done(struct request *request)
{
	struct task *task = request->task;

	request_timing_observe(task);
	revalidate_end(task);
	task_charge(task);
	too_many_connections_explain(task);
	task_tell_pause(task);
	loop_timer_cancel(task->router->loop, &request->timer);
	if (request->stream == STREAM_OPEN)
		request->stream = STREAM_BROKEN;
	if (task->on_end)
		task->on_end(task);
	request->on_client_gone = NULL;
	request->on_done = task->on_done;
	catalog_ref_drop(task->catalog_ref);
	request->task = NULL;
	request->on_done(request);
}

void task_begin(struct task *task, struct router *router, struct request *request,
		const struct request_path *path, struct list *in_state,
		void (*on_end)(struct task *task))
{
	router_refresh(router);
	memset(task, 0, offsetof(struct task, describe));
	task->request = request;
	task->router = router;
	task->catalog_ref = router->catalog_ref;
	task->catalog_ref->users++;
	task->on_done = request->on_done;
	task->on_end = on_end;
	task->cohort = (unsigned)random_next(&router->random);
	request->on_done = task_on_done;
	request->task = task;
	request_begin(request, path, in_state);
}
