/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread's event loop: one epoll, one frozen clock, timers in a heap, work for the end of a
 * turn. It knows neither HTTP nor SQL. Everything here is called on the loop's own thread, except
 * loop_post and loop_stop.
 *
 * One turn: wait; freeze now; handle ready descriptors; handle letters; handle timers that are due;
 * run the hooks in the order of their stage; free the dead.
 */
#pragma once

#include "base/check.h"
#include "base/list.h"
#include "base/timers.h"

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* A descriptor being watched; embed it, and take the outer struct with container_of. */
struct loop_watch {
	int fd;          /* -1: not watched */
	uint32_t events; /* EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLONESHOT, … */
	/* May unwatch itself or any other watch: those are not called any more in this turn. */
	void (*on_ready)(struct loop_watch *watch, uint32_t events);
};

/* Stages of the end of a turn, in their order. */
enum loop_stage {
	LOOP_STAGE_ANSWER, /* replies leave, new requests are read */
	LOOP_STAGE_SEND,   /* what was queued for a node leaves as batches */
	LOOP_STAGE_BURY,   /* the dead are freed */
	LOOP_STAGES
};

/* Runs at the end of every turn. */
struct loop_hook {
	struct list_link link;
	void (*on_turn)(struct loop_hook *hook);
};

/* A letter from another thread; the poster owns it until on_delivery is called. */
struct letter {
	void (*on_delivery)(struct letter *letter, struct loop *loop);
};

/* Ends the process with a message when there is no descriptor for it. name is borrowed for ever. */
struct loop *loop_new(const char *name) must_check;
/* NULL, and errno: there is no descriptor for it. */
struct loop *loop_try_new(const char *name) must_check;
/* Nothing may be watched any more. */
void loop_free(struct loop *loop);
const char *loop_name(const struct loop *loop);

/* Turns until loop_stop. */
void loop_run(struct loop *loop);
/* One turn that waits at most that long; for tests and drains. */
void loop_turn(struct loop *loop, int64_t wait_us_max);
/* Any thread: loop_run returns after the turn under way. */
void loop_stop(struct loop *loop);
/* The next turn does not wait. */
void loop_again(struct loop *loop);

/* Microseconds of the monotonic clock, frozen at the beginning of this turn. */
int64_t loop_now(const struct loop *loop);
/* How long the turns took, for cqrsd_loop_turn_seconds: the last turn without its wait. */
int64_t loop_turn_us(const struct loop *loop);

/* The watch is borrowed until loop_unwatch. A descriptor is watched at most once. */
void loop_watch(struct loop *loop, struct loop_watch *watch, int fd, uint32_t events);
void loop_rewatch(struct loop *loop, struct loop_watch *watch, uint32_t events);
/* Before the descriptor is closed, or soon after a library has closed it. Nothing to do when it is
 * not watched. */
void loop_unwatch(struct loop *loop, struct loop_watch *watch);

/* Sets or moves; CLOCK_NEVER cancels. The timer is borrowed while it is set. */
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t due_us);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);

/* The hook is borrowed until removed. Within a stage: in the order of adding. */
void loop_hook_add(struct loop *loop, struct loop_hook *hook, enum loop_stage stage);
void loop_hook_remove(struct loop *loop, struct loop_hook *hook, enum loop_stage stage);

/* Any thread. False: the mailbox is full, the letter stays with the caller. Wakes the loop. */
bool loop_post(struct loop *loop, struct letter *letter) must_check;

/* For unit tests: now stands still at now_us and moves only by this call. */
void loop_fake_clock(struct loop *loop, int64_t now_us);
