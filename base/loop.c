/* SPDX-License-Identifier: Apache-2.0 */
/* One epoll, one clock, one heap of timers: the turn at the top is all that happens. */
#include "base/loop.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mailbox.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define LOOP_WAIT_US_MAX (3600 * US_PER_S)

#if defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 35)
#define LOOP_HAS_PWAIT2 1
#endif
#endif
#ifndef LOOP_HAS_PWAIT2
#define LOOP_HAS_PWAIT2 0
#endif

/* Why the next turn does not wait. */
enum loop_pending {
	LOOP_PENDING_AGAIN = 1,   /* loop_again was called */
	LOOP_PENDING_LETTERS = 2, /* the mailbox has rung and is not empty yet */
};

struct loop {
	const char *name;
	int epoll;
	int64_t now_us;   /* frozen for the turn */
	int64_t ended_us; /* when the last turn ended: where the next wait begins */
	int64_t turn_us;
	bool fake;        /* the clock is the test's */
	bool coarse;      /* the kernel waits in whole milliseconds only */
	unsigned pending; /* bits of enum loop_pending; 0: the next turn may wait */
	_Atomic bool stop;

	struct epoll_event ready[LOOP_EVENTS_MAX];
	int ready_at, ready_count; /* being handled; both 0 outside */
	size_t watches;
	struct timers timers;
	struct list hooks[LOOP_STAGES];
	struct list_link *hook_next; /* of the stage under way */

	struct mailbox *mailbox;
	struct loop_watch bell;
};

static int64_t loop_wait_us(const struct loop *loop, int64_t wait_us_max);
static int loop_wait(struct loop *loop, int64_t wait_us);
static void loop_handle_ready(struct loop *loop);
static void loop_handle_letters(struct loop *loop);
static void loop_handle_timers(struct loop *loop);
static void loop_run_hooks(struct loop *loop, struct list *hooks);
static void loop_on_bell(struct loop_watch *bell, uint32_t events);

void loop_run(struct loop *loop)
{
	while (!atomic_exchange(&loop->stop, false))
		loop_turn(loop, CLOCK_NEVER);
}

void loop_turn(struct loop *loop, int64_t wait_us_max)
{
	int count = loop_wait(loop, loop_wait_us(loop, wait_us_max));

	if (count < 0 && errno != EINTR)
		log_fatal(loop->name, "epoll_wait: %s", strerror(errno));
	loop->ready_count = count < 0 ? 0 : count;
	loop->pending &= ~(unsigned)LOOP_PENDING_AGAIN;
	if (!loop->fake)
		loop->now_us = clock_monotonic_us();

	loop_handle_ready(loop);
	loop_handle_letters(loop);
	loop_handle_timers(loop);
	for (int stage = 0; stage < LOOP_STAGES; stage++)
		loop_run_hooks(loop, &loop->hooks[stage]);

	loop->ended_us = loop->fake ? loop->now_us : clock_monotonic_us();
	loop->turn_us = loop->ended_us - loop->now_us;
}

/* errno is that of the descriptor that could not be had. */
static void loop_drop(struct loop *loop)
{
	int reason = errno;

	if (loop->mailbox)
		mailbox_free(loop->mailbox);
	free(loop);
	errno = reason;
}

struct loop *loop_try_new(const char *name)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		log_fatal(name, "out of memory");
	loop->name = name;
	loop->mailbox = mailbox_new();
	loop->epoll = loop->mailbox ? epoll_create1(EPOLL_CLOEXEC) : -1;
	if (loop->epoll < 0) {
		loop_drop(loop);
		return NULL;
	}
	loop->now_us = loop->ended_us = clock_monotonic_us();
	timers_init(&loop->timers);
	for (int stage = 0; stage < LOOP_STAGES; stage++)
		list_init(&loop->hooks[stage]);
	loop->bell = (struct loop_watch){ .fd = -1, .on_ready = loop_on_bell };
	loop_watch(loop, &loop->bell, mailbox_fd(loop->mailbox), EPOLLIN);
	return loop;
}

struct loop *loop_new(const char *name)
{
	struct loop *loop = loop_try_new(name);

	if (!loop)
		log_fatal(name, "no loop can be had: %s", strerror(errno));
	return loop;
}

void loop_free(struct loop *loop)
{
	loop_unwatch(loop, &loop->bell);
	assert(loop->watches == 0);
	mailbox_free(loop->mailbox);
	timers_fini(&loop->timers);
	close(loop->epoll);
	free(loop);
}

const char *loop_name(const struct loop *loop)
{
	return loop->name;
}

void loop_stop(struct loop *loop)
{
	atomic_store(&loop->stop, true);
	mailbox_wake(loop->mailbox);
}

void loop_again(struct loop *loop)
{
	loop->pending |= LOOP_PENDING_AGAIN;
}

int64_t loop_now(const struct loop *loop)
{
	return loop->now_us;
}

int64_t loop_turn_us(const struct loop *loop)
{
	return loop->turn_us;
}

void loop_fake_clock(struct loop *loop, int64_t now_us)
{
	loop->fake = true;
	loop->now_us = loop->ended_us = now_us;
}

/* --- the wait -------------------------------------------------------------------------------- */

static int64_t loop_wait_us(const struct loop *loop, int64_t wait_us_max)
{
	int64_t next_us = timers_next_us(&loop->timers), wait_us = wait_us_max;

	if (loop->pending || next_us <= loop->ended_us)
		return 0;
	if (!loop->fake && next_us != CLOCK_NEVER && next_us - loop->ended_us < wait_us)
		wait_us = next_us - loop->ended_us;
	return wait_us > LOOP_WAIT_US_MAX && wait_us != CLOCK_NEVER ? LOOP_WAIT_US_MAX : wait_us;
}

/*
 * To the microsecond, where the kernel can (Linux 5.11; a container may forbid what it does not
 * know). Else in milliseconds, rounded up: waking early would turn on the spot until the timer is
 * due.
 */
static int loop_wait(struct loop *loop, int64_t wait_us)
{
	if (wait_us == CLOCK_NEVER)
		return epoll_wait(loop->epoll, loop->ready, LOOP_EVENTS_MAX, -1);
#if LOOP_HAS_PWAIT2
	if (wait_us > 0 && !loop->coarse) {
		const struct timespec wait = { wait_us / US_PER_S, wait_us % US_PER_S * 1000 };
		int count = epoll_pwait2(loop->epoll, loop->ready, LOOP_EVENTS_MAX, &wait, NULL);

		if (count >= 0 || (errno != ENOSYS && errno != EPERM))
			return count;
		loop->coarse = true;
	}
#endif
	return epoll_wait(loop->epoll, loop->ready, LOOP_EVENTS_MAX,
			  (int)((wait_us + US_PER_MS - 1) / US_PER_MS));
}

/* --- descriptors ----------------------------------------------------------------------------- */

static void loop_control(struct loop *loop, int what, struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(loop->epoll, what, watch->fd, &event))
		log_fatal(loop->name, "epoll_ctl on descriptor %d: %s", watch->fd, strerror(errno));
	watch->events = events;
}

void loop_watch(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events)
{
	assert(fd >= 0);
	assert(watch->fd == -1);
	assert(watch->on_ready);
	watch->fd = fd;
	loop_control(loop, EPOLL_CTL_ADD, watch, events);
	loop->watches++;
}

void loop_rewatch(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	assert(watch->fd >= 0);
	/* After a shot the kernel has forgotten what to look for. */
	if (events != watch->events || events & EPOLLONESHOT)
		loop_control(loop, EPOLL_CTL_MOD, watch, events);
}

void loop_unwatch(struct loop *loop, struct loop_watch *watch)
{
	if (watch->fd == -1)
		return;
	/* A library may have closed it, and another thread opened a file of that number (EPERM). */
	if (epoll_ctl(loop->epoll, EPOLL_CTL_DEL, watch->fd, NULL) && errno != ENOENT &&
	    errno != EBADF && errno != EPERM)
		log_fatal(loop->name, "epoll_ctl on descriptor %d: %s", watch->fd, strerror(errno));
	for (int i = loop->ready_at; i < loop->ready_count; i++)
		if (loop->ready[i].data.ptr == watch)
			loop->ready[i].data.ptr = NULL;
	watch->fd = -1;
	assert(loop->watches > 0);
	loop->watches--;
}

static void loop_handle_ready(struct loop *loop)
{
	for (loop->ready_at = 0; loop->ready_at < loop->ready_count; loop->ready_at++) {
		struct epoll_event *event = &loop->ready[loop->ready_at];
		struct loop_watch *watch = event->data.ptr;

		if (watch)
			watch->on_ready(watch, event->events);
	}
	loop->ready_at = loop->ready_count = 0;
	/* There may be more than fitted: epoll says so at once next time. */
}

/* --- letters --------------------------------------------------------------------------------- */

static void loop_on_bell(struct loop_watch *bell, uint32_t events)
{
	struct loop *loop = container_of(bell, struct loop, bell);

	(void)events;
	mailbox_quiet(loop->mailbox);
	loop->pending |= LOOP_PENDING_LETTERS;
}

static void loop_handle_letters(struct loop *loop)
{
	struct letter *letter;

	if (!(loop->pending & LOOP_PENDING_LETTERS))
		return;
	/* As many as the box holds: writers faster than this loop do not keep it from its work. */
	for (int i = 0; i < MAILBOX_SLOTS; i++) {
		letter = mailbox_take(loop->mailbox);
		if (!letter) {
			loop->pending &= ~(unsigned)LOOP_PENDING_LETTERS;
			return;
		}
		letter->on_delivery(letter, loop);
	}
}

bool loop_post(struct loop *loop, struct letter *letter)
{
	assert(letter->on_delivery);
	return mailbox_post(loop->mailbox, letter);
}

/* --- timers ---------------------------------------------------------------------------------- */

static void loop_handle_timers(struct loop *loop)
{
	/* A timer that is set again for a moment already gone waits for the next turn. */
	for (size_t left = loop->timers.count; left > 0; left--) {
		struct loop_timer *timer = timers_take_due(&loop->timers, loop->now_us);

		if (!timer)
			return;
		timer->on_due(timer);
	}
}

void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t due_us)
{
	if (due_us == CLOCK_NEVER)
		timers_cancel(&loop->timers, timer);
	else
		timers_set(&loop->timers, timer, due_us);
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
	timers_cancel(&loop->timers, timer);
}

/* --- hooks ----------------------------------------------------------------------------------- */

static void loop_run_hooks(struct loop *loop, struct list *hooks)
{
	for (struct list_link *at = hooks->head.next; at != &hooks->head; at = loop->hook_next) {
		struct loop_hook *hook = container_of(at, struct loop_hook, link);

		loop->hook_next = at->next;
		hook->on_turn(hook);
	}
	loop->hook_next = NULL;
}

void loop_hook_add(struct loop *loop, struct loop_hook *hook, enum loop_stage stage)
{
	assert(stage < LOOP_STAGES);
	assert(hook->on_turn);
	list_append(&loop->hooks[stage], &hook->link);
}

void loop_hook_remove(struct loop *loop, struct loop_hook *hook, enum loop_stage stage)
{
	assert(stage < LOOP_STAGES);
	if (loop->hook_next == &hook->link)
		loop->hook_next = hook->link.next;
	list_remove(&loop->hooks[stage], &hook->link);
}
