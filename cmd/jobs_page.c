/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked lives in the request's arena, and ends before the request is given back. */
#include "cmd/jobs_page.h"

#include "base/clock.h"
#include "base/request.h"
#include "cmd/admin.h"
#include "cmd/jobs_desk.h"
#include "write/jobs/job_admin.h"
#include "write/jobs/job_known.h"

#include <stdio.h>
#include <string.h>

#define JOBS_PAGE_US (5 * US_PER_S) /* no batch is begun later */

struct jobs_page {
	struct job_admin admin;
	struct request *request;
	const struct admin *service;
	struct topology topology;
	struct job_ids *ids;
	bool all;
};

static void page_end(struct jobs_page *page)
{
	struct request *request = page->request;

	job_admin_fini(&page->admin);
	request->on_done(request);
}

/* --- what is asked ---------------------------------------------------------------------------- */

static bool page_refuse(struct jobs_page *page, enum outcome outcome, const char *why)
{
	(void)request_fail(page->request, outcome, "%s", why);
	return false;
}

static bool page_add(struct jobs_page *page, struct text name, struct text value)
{
	char error[JOB_FILTER_ERROR_BYTES];

	if (!job_filter_knows(name)) {
		(void)request_fail(page->request, OUTCOME_UNKNOWN_PARAMETER,
				   "There is no criterion %.*s", (int)name.len, name.ptr);
		return false;
	}
	return job_filter_add(&page->admin.filter, name, value, page->ids, error) ||
	       page_refuse(page, OUTCOME_INVALID_PARAMETER, error);
}

static bool page_add_value(struct jobs_page *page, struct text name, const struct json *value)
{
	if (json_kind(value) == JSON_STRING)
		return page_add(page, name, json_text(value));
	if (json_kind(value) == JSON_NUMBER)
		return page_add(page, name, json_source(value));
	return page_refuse(page, OUTCOME_INVALID_PARAMETER,
			   "A criterion is a string, a number or an array of strings");
}

/* "all", "dry_run". */
static bool *page_switch(struct jobs_page *page, struct text name)
{
	if (text_is(name, "all"))
		return &page->all;
	return text_is(name, "dry_run") ? &page->admin.dry_run : NULL;
}

static bool page_add_member(struct jobs_page *page, const struct json *member)
{
	struct text name = json_key(member);
	bool *flag = page_switch(page, name);

	if (flag && json_kind(member) != JSON_BOOL)
		return page_refuse(page, OUTCOME_INVALID_PARAMETER,
				   "all and dry_run are true or false");
	if (flag) {
		*flag = json_bool(member);
		return true;
	}
	if (json_kind(member) != JSON_ARRAY)
		return page_add_value(page, name, member);
	for (const struct json *it = json_first(member); it; it = json_next(it))
		if (!page_add_value(page, name, it))
			return false;
	return true;
}

static bool page_read(struct jobs_page *page)
{
	const struct request *request = page->request;

	if (page->admin.action == JOB_ACTION_SHOW)
		return page_add(page, TEXT("id"), request->operation) ||
		       page_refuse(page, OUTCOME_NOT_FOUND, "There is no such job");
	for (size_t i = 0; i < request->pairs_count; i++)
		if (!page_add(page, request->pairs[i].name, request->pairs[i].value))
			return false;
	for (const struct json *it = request->body ? json_first(request->body) : NULL; it;
	     it = json_next(it))
		if (!page_add_member(page, it))
			return false;
	return true;
}

/* Nothing is done to all by mistake. */
static bool page_is_clear(struct jobs_page *page)
{
	char error[JOB_FILTER_ERROR_BYTES];
	bool changes = job_action_row(page->admin.action)->event;

	job_filter_end(&page->admin.filter);
	if (!job_admin_check(&page->admin, error))
		return page_refuse(page, OUTCOME_INVALID_PARAMETER, error);
	if (changes && page->all != job_filter_is_open(&page->admin.filter))
		return page_refuse(page, OUTCOME_MISSING_PARAMETER,
				   "Say which by criteria, or \"all\": true for all of them");
	return true;
}

/* --- what came of it -------------------------------------------------------------------------- */

static void page_fail(struct jobs_page *page)
{
	const struct call *call = &page->admin.call;
	struct request *request = page->request;

	if (call->end == CALL_ERROR)
		(void)request_fail(request, OUTCOME_QUERY_FAILED,
				   "%s (SQLSTATE %s); %lld were changed before",
				   call->error.message ? call->error.message : "it failed",
				   call->error.sqlstate, (long long)page->admin.changed);
	else if (call->end == CALL_LOST)
		(void)request_fail(
			request, OUTCOME_OUTCOME_UNKNOWN,
			"the primary has not told how it ended; %lld were changed before",
			(long long)page->admin.changed);
	else
		(void)request_fail(request, OUTCOME_QUEUE_TIMEOUT,
				   "the primary could not be asked; %lld were changed before",
				   (long long)page->admin.changed);
}

static const char *page_rows_begin(enum job_action action)
{
	if (action == JOB_ACTION_SCHEDULES)
		return "{\"schedules\":[";
	return action == JOB_ACTION_LIST ? "{\"jobs\":[" : "{\"job\":";
}

static void page_write_rows(struct jobs_page *page)
{
	struct buf *out = &page->request->out;
	enum job_action action = page->admin.action;
	const char *separator = "";

	buf_string(out, page_rows_begin(action));
	for (const struct json *row = json_first(page->admin.rows); row; row = json_next(row)) {
		buf_string(out, separator);
		if (action == JOB_ACTION_SCHEDULES)
			job_admin_write_schedule(out, row, page->ids);
		else
			job_admin_write_row(out, row, page->ids);
		separator = ",";
	}
	buf_string(out, action == JOB_ACTION_SHOW ? "}" : "]}");
}

static void page_on_done(struct job_admin *admin)
{
	struct jobs_page *page = container_of(admin, struct jobs_page, admin);
	struct request *request = page->request;

	buf_clear(&request->out);
	if (!job_admin_is_good(admin))
		page_fail(page);
	else if (job_action_row(admin->action)->event)
		job_admin_write(&request->out, admin);
	else if (admin->action == JOB_ACTION_SHOW && !json_length(admin->rows))
		(void)request_fail(request, OUTCOME_NOT_FOUND, "There is no such job");
	else
		page_write_rows(page);
	page_end(page);
}

/* --- asking ----------------------------------------------------------------------------------- */

static bool page_send(struct jobs_page *page)
{
	const struct admin *service = page->service;
	struct request *request = page->request;
	struct pool *pool = jobs_desk_pool(service->jobs, service->nodes, &page->topology);

	if (!pool)
		return page_refuse(page, OUTCOME_NO_PRIMARY, "no node is the primary now");
	page->admin.loop = request->loop;
	page->admin.until_us = loop_now(request->loop) + JOBS_PAGE_US;
	page->admin.on_done = page_on_done;
	page->admin.who = arena_printf(&request->arena, "admin:%.*s", (int)request->address.len,
				       request->address.ptr ? request->address.ptr : "");
	if (page->admin.action == JOB_ACTION_REPLAY) {
		job_known_write(&request->out, *service->catalog);
		page->admin.known = arena_copy(&request->arena, request->out.ptr, request->out.len);
		buf_clear(&request->out);
	}
	if (job_admin_send(&page->admin, pool)) {
		loop_again(request->loop);
		return true;
	}
	return page_refuse(page, OUTCOME_QUEUE_FULL, "too many such requests are waiting");
}

static void page_take(struct request *request, const struct admin *service, enum job_action action)
{
	struct jobs_page *page = arena_zero(&request->arena, 1, sizeof(*page));

	page->request = request;
	page->service = service;
	job_admin_init(&page->admin);
	page->admin.action = action;
	admin_read(service, &page->topology);
	page->ids = jobs_desk_ids(service->jobs, &page->topology);
	if (!page->ids)
		(void)page_refuse(page, OUTCOME_STARTING, "the key of ids is not known yet");
	if (page->ids && page_read(page) && page_is_clear(page) && page_send(page))
		return;
	page_end(page);
}

void jobs_page_list(struct request *request, void *arg)
{
	page_take(request, arg, JOB_ACTION_LIST);
}

void jobs_page_show(struct request *request, void *arg)
{
	page_take(request, arg, JOB_ACTION_SHOW);
}

void jobs_page_replay(struct request *request, void *arg)
{
	page_take(request, arg, JOB_ACTION_REPLAY);
}

void jobs_page_discard(struct request *request, void *arg)
{
	page_take(request, arg, JOB_ACTION_DISCARD);
}

void jobs_page_cancel(struct request *request, void *arg)
{
	page_take(request, arg, JOB_ACTION_CANCEL);
}

void jobs_page_pause(struct request *request, void *arg)
{
	page_take(request, arg, JOB_ACTION_PAUSE);
}

void jobs_page_resume(struct request *request, void *arg)
{
	page_take(request, arg, JOB_ACTION_RESUME);
}

void jobs_page_schedules(struct request *request, void *arg)
{
	page_take(request, arg, JOB_ACTION_SCHEDULES);
}
