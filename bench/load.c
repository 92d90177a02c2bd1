/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan says when; the first free connection takes what is due. What is due while all are busy
 * stays in the plan, so a backlog takes no memory. One time-out for all: the busy are listed by
 * deadline.
 */
#include "bench/load.h"

#include "base/clock.h"
#include "bench/client.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define LOAD_EVENTS 256
#define LOAD_DIALS_MAX 128 /* connections under way while the run is prepared */
#define LOAD_SPARE_FDS 16
#define LOAD_SLICE_US 100000

static struct client *load_client(struct load *load, enum client_state state)
{
	struct list_link *link = list_first(&load->lists[state]);

	return link ? container_of(link, struct client, link) : NULL;
}

static struct client *load_free_client(struct load *load)
{
	struct client *client = load_client(load, CLIENT_IDLE);

	return client ? client : load_client(load, CLIENT_CLOSED);
}

/* Who asks what: drawn in the order of the plan, so that a seed gives the same requests. */
static void load_draw(struct load *load, struct client *client, int64_t planned_us)
{
	const struct load_options *options = load->options;

	client->class = mix_choose(&options->mix, &load->random);
	client->values.user =
		options->users_count ? 1 + random_below(&load->random, options->users_count) : 0;
	client->values.unique = load->unique++;
	client->planned_us = planned_us;
	client->counts = planned_us >= load->counts_from_us;
	client->reading_back = false;
	client->has_call = true;
	load->planned++;
	schedule_advance(&load->schedule);
	if (client->counts)
		client_result(load, client)->planned++;
}

static bool load_planning(const struct load *load, int64_t now_us)
{
	return schedule_planned_us(&load->schedule, now_us) < load->end_us &&
	       load->planned < load->options->requests_max;
}

/* What is due and has waited too long for a connection is given up. */
static void load_give_up(struct load *load, int64_t now_us)
{
	struct client nobody = { .fd = -1 };

	if (load->schedule.kind == SCHEDULE_CLOSED)
		return;
	while (load_planning(load, now_us)) {
		int64_t planned_us = schedule_planned_us(&load->schedule, now_us);

		if (now_us - planned_us <= load->options->late_us)
			return;
		load_draw(load, &nobody, planned_us);
		client_unanswered(load, &nobody, "late");
	}
}

/* Everything that is due and has a connection leaves. */
static void load_send_due(struct load *load)
{
	int64_t now_us = clock_monotonic_us();
	size_t tries = load->options->clients_count;
	struct client *client;

	load_give_up(load, now_us);
	while (tries-- && (client = load_free_client(load)) && load_planning(load, now_us)) {
		int64_t planned_us = schedule_planned_us(&load->schedule, now_us);

		if (planned_us > now_us)
			return;
		load_draw(load, client, planned_us);
		client_compose(load, client);
		if (client->state == CLIENT_IDLE)
			client_send(load, client);
		else if (!client_dial(load, client))
			client_unanswered(load, client, "connect");
	}
}

static void load_expire(struct load *load)
{
	static const enum client_state waiting[] = { CLIENT_DIALING, CLIENT_BUSY };
	int64_t now_us = clock_monotonic_us();

	for (size_t i = 0; i < 2; i++) {
		struct client *client;

		while ((client = load_client(load, waiting[i])) && client->deadline_us <= now_us)
			client_fail(load, client,
				    waiting[i] == CLIENT_BUSY ? "timeout" : "connect");
	}
}

static void load_wait(struct load *load, int64_t until_us)
{
	struct epoll_event events[LOAD_EVENTS];
	int64_t us = until_us - clock_monotonic_us();
	struct timespec wait = { 0, 0 };
	int count;

	if (us > LOAD_SLICE_US)
		us = LOAD_SLICE_US;
	if (us > 0)
		wait.tv_nsec = us * 1000;
	count = epoll_pwait2(load->epoll, events, LOAD_EVENTS, &wait, NULL);
	assert(count >= 0 || errno == EINTR);
	for (int i = 0; i < count; i++)
		client_ready(load, events[i].data.ptr, events[i].events);
}

/* Until when nothing is to be done unless a descriptor is ready. */
static int64_t load_until_us(struct load *load)
{
	int64_t now_us = clock_monotonic_us();

	if (load->schedule.kind != SCHEDULE_CLOSED && load_planning(load, now_us) &&
	    load_free_client(load))
		return schedule_planned_us(&load->schedule, now_us);
	if (load->schedule.kind == SCHEDULE_CLOSED && load_planning(load, now_us) &&
	    load_client(load, CLIENT_IDLE))
		return now_us;
	return now_us + LOAD_SLICE_US;
}

/* All connections, before the clock of the plan starts. False: not one came about. */
static bool load_connect(struct load *load)
{
	uint64_t begun = 0, clients = load->options->clients_count;
	struct list *dialing = &load->lists[CLIENT_DIALING];

	while (begun < clients || !list_empty(dialing)) {
		while (begun < clients && dialing->count < LOAD_DIALS_MAX)
			(void)client_dial(load, &load->clients[begun++]);
		if (!list_empty(dialing))
			load_wait(load, clock_monotonic_us() + LOAD_SLICE_US);
		load_expire(load);
		/* A server that refuses the first ones will refuse them all. */
		if (begun >= LOAD_DIALS_MAX && list_empty(&load->lists[CLIENT_IDLE]) &&
		    list_empty(dialing))
			return false;
	}
	return !list_empty(&load->lists[CLIENT_IDLE]);
}

struct load_results *load_results_new(void)
{
	struct load_results *results = calloc(1, sizeof(*results));

	assert(results);
	for (size_t i = 0; i < MIX_CLASSES_MAX; i++) {
		struct load_result *pair[] = { &results->classes[i], &results->reads[i] };

		for (size_t j = 0; j < 2; j++) {
			histogram_init(&pair[j]->answered);
			histogram_init(&pair[j]->refused);
			histogram_init(&pair[j]->waited);
		}
	}
	return results;
}

static int64_t load_cpu_us(struct timeval spent)
{
	return (int64_t)spent.tv_sec * US_PER_S + spent.tv_usec;
}

bool load_run(struct load *load, struct load_results *results, char *error, size_t error_room)
{
	const struct load_options *options = load->options;
	struct rusage before, after;
	int64_t ended_us;

	load->results = results;
	if (!load_connect(load)) {
		snprintf(error, error_room, "%s: %s", options->to, strerror(load->dial_errno));
		return false;
	}
	getrusage(RUSAGE_SELF, &before);
	load->begin_us = clock_monotonic_us();
	load->counts_from_us = load->begin_us + options->warmup_us;
	load->end_us = load->counts_from_us + options->seconds_us;
	schedule_init(&load->schedule, options->kind, options->rate_per_s, load->begin_us,
		      options->seed);
	do {
		load_send_due(load);
		load_wait(load, load_until_us(load));
		load_expire(load);
	} while (load_planning(load, clock_monotonic_us()) ||
		 !list_empty(&load->lists[CLIENT_BUSY]) ||
		 !list_empty(&load->lists[CLIENT_DIALING]));
	getrusage(RUSAGE_SELF, &after);
	ended_us = clock_monotonic_us();
	ended_us = ended_us < load->end_us ? ended_us : load->end_us;
	results->measured_us = ended_us - load->counts_from_us;
	results->user_us = load_cpu_us(after.ru_utime) - load_cpu_us(before.ru_utime);
	results->system_us = load_cpu_us(after.ru_stime) - load_cpu_us(before.ru_stime);
	results->clients_open = load->lists[CLIENT_IDLE].count;
	return true;
}

static bool load_descriptors(uint64_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return false;
	if (limit.rlim_cur >= wanted)
		return true;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	return limit.rlim_cur >= wanted && !setrlimit(RLIMIT_NOFILE, &limit);
}

struct load *load_new(const struct load_options *options, char *error, size_t error_room)
{
	struct load *load;

	if (!load_descriptors(options->clients_count + LOAD_SPARE_FDS)) {
		snprintf(error, error_room, "too few file descriptors for %llu connections",
			 (unsigned long long)options->clients_count);
		return NULL;
	}
	load = calloc(1, sizeof(*load));
	assert(load);
	load->clients = calloc(options->clients_count, sizeof(*load->clients));
	assert(load->clients);
	load->options = options;
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	assert(load->epoll >= 0);
	random_init(&load->random, ~options->seed);
	/* Sixteen digits, later ones greater, for as long as anybody may keep the rows. */
	load->unique = (uint64_t)clock_wall_us();
	buf_init(&load->body);
	for (int i = 0; i < CLIENT_STATES; i++)
		list_init(&load->lists[i]);
	for (uint64_t i = 0; i < options->clients_count; i++) {
		struct client *client = &load->clients[i];

		client->fd = -1;
		buf_init(&client->out);
		reply_init(&client->reply);
		list_append(&load->lists[CLIENT_CLOSED], &client->link);
	}
	return load;
}

void load_free(struct load *load)
{
	for (uint64_t i = 0; i < load->options->clients_count; i++) {
		struct client *client = &load->clients[i];

		if (client->fd >= 0)
			close(client->fd);
		buf_fini(&client->out);
		reply_fini(&client->reply);
	}
	buf_fini(&load->body);
	close(load->epoll);
	free(load->clients);
	free(load);
}
