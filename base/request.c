/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a request. Each thread keeps those that ended for the next ones, so that a request
 * takes no memory from the system once the thread has warmed up.
 */
#include "base/request.h"

#include "base/log.h"

#include <assert.h>
#include <stdlib.h>

static __thread struct {
	struct request *items[REQUEST_CACHE_MAX];
	size_t count;
} cache;

static void request_destroy(struct request *request);

struct request *request_new(struct loop *loop)
{
	struct request *request;
	struct arena arena;
	struct buf out;

	assert(loop);
	if (cache.count) {
		request = cache.items[--cache.count];
		arena = request->arena;
		out = request->out;
	} else {
		request = malloc(sizeof(*request));
		if (!request)
			log_fatal("request", "out of memory");
		arena_init(&arena);
		buf_init(&out);
	}
	memset(request, 0, sizeof(*request));
	request->arena = arena;
	request->out = out;
	request->loop = loop;
	request->principal = &principal_open;
	request->staleness_us_max = -1;
	request->wait_us_max = -1;
	request->prefer_wait_us = -1;
	request->prefer_replicas = -1;
	request->urgency = -1;
	request->replicas_applied = -1;
	request->lag_us = -1;
	return request;
}

void request_free(struct request *request)
{
	assert(!list_linked(&request->link));
	assert(request->timer.slot == 0);
	if (request->body)
		json_free(request->body);
	request->body = NULL;
	if (request->lent)
		request->lent->take_back(request->lent->owner);
	request->lent = NULL;
	if (cache.count == REQUEST_CACHE_MAX) {
		request_destroy(request);
		return;
	}
	arena_reset(&request->arena);
	buf_clear(&request->out);
	if (request->out.room > REQUEST_OUT_BYTES_KEPT)
		buf_fini(&request->out);
	cache.items[cache.count++] = request;
}

void request_free_all(struct list *ended)
{
	struct list_link *link;

	while ((link = list_take_first(ended)))
		request_free(container_of(link, struct request, link));
}

void request_cache_fini(void)
{
	while (cache.count)
		request_destroy(cache.items[--cache.count]);
}

static void request_destroy(struct request *request)
{
	arena_fini(&request->arena);
	buf_fini(&request->out);
	free(request);
}

/* Whose slot was filled last. Only compared: it may be gone by the time its step returns. */
static __thread const struct request *slot_filled;

void request_path_check(const struct request_path *path)
{
	assert(path->count > 0);
	assert(path->count <= REQUEST_STATES_MAX);
	for (unsigned i = 0; i < path->count; i++) {
		assert(path->states[i].name);
		assert(path->states[i].next >> path->count == 0);
	}
}

void request_begin(struct request *request, const struct request_path *path, struct list *in_state)
{
	request->path = path;
	request->in_state = in_state;
	request->state = 0;
}

static bool request_waits(const struct request *request)
{
	return request->wait.kind != WAIT_NONE;
}

void request_move(struct request *request, unsigned state)
{
	assert(request->path->states[request->state].next & (1u << state));
	if (request_waits(request)) {
		list_remove(&request->in_state[request->state], &request->link);
		list_append(&request->in_state[state], &request->link);
	}
	request->state = state;
}

static void request_end(struct request *request)
{
	if (request->timer.slot)
		loop_timer_cancel(request->loop, &request->timer);
	request->done_us = loop_now(request->loop);
	request->on_done(request);
}

/* outer: whose slot was filled last before this request ran. */
static void request_go_on(struct request *request, enum step step, const struct request *outer)
{
	while (step == STEP_NEXT || step == STEP_MOVED) {
		if (step == STEP_NEXT)
			request->state++;
		assert(request->state < request->path->count);
		assert(request->path->states[request->state].step);
		step = request->path->states[request->state].step(request);
	}
	/* It may be finished already, by the code that it waits for. */
	if (step == STEP_WAIT)
		assert(slot_filled == request);
	else
		request_end(request);
	slot_filled = outer;
}

void request_run(struct request *request)
{
	request_resume(request, STEP_MOVED);
}

void request_resume(struct request *request, enum step step)
{
	const struct request *outer = slot_filled;

	assert(request->done_us == 0);
	if (step != STEP_WAIT) {
		slot_filled = NULL;
		request_wait_over(request);
	}
	request_go_on(request, step, outer);
}

void request_finish(struct request *request)
{
	request_let_go(request);
	request_resume(request, STEP_DONE);
}

enum step request_wait(struct request *request, enum wait_kind kind,
		       void (*cancel)(struct request *request))
{
	assert(kind != WAIT_NONE);
	assert(!request_waits(request));
	list_append(&request->in_state[request->state], &request->link);
	request->wait.kind = kind;
	request->wait.since_us = loop_now(request->loop);
	request->wait.sent_us = NULL;
	request->wait.cancel = cancel;
	slot_filled = request;
	return STEP_WAIT;
}

enum step request_wait_for_call(struct request *request, const int64_t *sent_us,
				void (*cancel)(struct request *request))
{
	enum step step = request_wait(request, WAIT_QUEUE, cancel);

	request->wait.sent_us = sent_us;
	return step;
}

void request_wait_goes_on(struct request *request, enum wait_kind kind, const int64_t *sent_us)
{
	assert(request_waits(request));
	request->wait.kind = kind;
	request->wait.since_us = loop_now(request->loop);
	request->wait.sent_us = sent_us;
}

void request_wait_over(struct request *request)
{
	if (!request_waits(request))
		return;
	list_remove(&request->in_state[request->state], &request->link);
	request->wait.kind = WAIT_NONE;
}

void request_let_go(struct request *request)
{
	if (request_waits(request))
		request->wait.cancel(request);
	request_wait_over(request);
}

enum wait_kind request_wait_kind(const struct request *request)
{
	const struct wait *wait = &request->wait;

	return wait->kind == WAIT_QUEUE && wait->sent_us && *wait->sent_us ? WAIT_DB : wait->kind;
}

const char *wait_text(enum wait_kind kind)
{
	static const char *const texts[WAIT_KINDS] = {
		[WAIT_NONE] = "none",       [WAIT_QUEUE] = "queue",
		[WAIT_DB] = "db",           [WAIT_REPLICA] = "replica",
		[WAIT_BACKOFF] = "backoff", [WAIT_DESCRIBE] = "describe",
		[WAIT_CONFIRM] = "confirm", [WAIT_JOB] = "job",
		[WAIT_CACHE] = "cache",
	};

	assert((unsigned)kind < WAIT_KINDS);
	return texts[kind];
}

int64_t request_wait_until_us(const struct request *request)
{
	int64_t left_us = request->deadline_us - request->born_us;

	if (request->prefer_wait_us >= 0 && request->prefer_wait_us < left_us)
		return request->born_us + request->prefer_wait_us;
	return request->deadline_us;
}

enum step request_fail(struct request *request, enum outcome outcome, const char *format, ...)
{
	va_list args;

	assert(outcome != OUTCOME_OK);
	request->outcome = outcome;
	va_start(args, format);
	request->detail = arena_vprintf(&request->arena, format, args);
	va_end(args);
	buf_clear(&request->out);
	return STEP_DONE;
}

void request_param_error(struct request *request, struct text param, const char *format, ...)
{
	size_t count = request->errors_count;
	struct param_error *errors = request->errors;
	va_list args;

	if (count >= PARAM_ERRORS_MAX)
		return;
	if (!errors) {
		errors = arena_zero(&request->arena, PARAM_ERRORS_MAX, sizeof(*errors));
		request->errors = errors;
	}
	errors[count].param = arena_copy(&request->arena, param.ptr, param.len);
	va_start(args, format);
	errors[count].detail = arena_vprintf(&request->arena, format, args);
	va_end(args);
	request->errors_count = count + 1;
}

static const char *const level_texts[] = {
	[LEVEL_DEFAULT] = "default",
	[LEVEL_EVENTUAL] = "eventual",
	[LEVEL_SESSION] = "session",
	[LEVEL_STRONG] = "strong",
};

const char *level_text(enum level level)
{
	assert(level <= LEVEL_STRONG);
	return level_texts[level];
}

enum level level_parse(struct text text)
{
	for (unsigned i = LEVEL_EVENTUAL; i <= LEVEL_STRONG; i++)
		if (text_is(text, level_texts[i]))
			return (enum level)i;
	return LEVEL_DEFAULT;
}

const char *reason_text(enum reason reason)
{
	static const char *const texts[REASONS] = {
#define REASON(name, text) [REASON_##name] = text,
#include "base/reason.def"
#undef REASON
	};

	assert((unsigned)reason < REASONS);
	return texts[reason];
}
