/* SPDX-License-Identifier: Apache-2.0 */
/* Who waits says so before it asks; the reader asks who waits behind what it has made known. */
#include "router/feed/desk.h"

#include <assert.h>

static void desk_ask(struct feed_desk *desk)
{
	struct feed_shared *shared = desk->shared;
	struct loop *reader = atomic_load_explicit(&shared->reader_loop, memory_order_acquire);

	atomic_store_explicit(&desk->post->waiting, true, memory_order_seq_cst);
	if (!reader || atomic_exchange_explicit(&shared->wanted_posted, true, memory_order_seq_cst))
		return;
	if (!loop_post(reader, &shared->wanted))
		atomic_store_explicit(&shared->wanted_posted, false, memory_order_seq_cst);
}

static bool desk_is_answered(const struct feed_desk *desk, struct position position)
{
	struct position known = stripes_known(&desk->shared->stripes);

	return known.timeline != position.timeline || known.lsn >= position.lsn;
}

static void desk_put(struct list *list, struct feed_waiter *waiter)
{
	list_append(list, &waiter->link);
	waiter->list = list;
}

static void desk_move_answered(struct feed_desk *desk, struct list *answered)
{
	struct list_link *it, *next;

	for (it = desk->waiters.head.next; it != &desk->waiters.head; it = next) {
		struct feed_waiter *waiter = container_of(it, struct feed_waiter, link);

		next = it->next;
		if (!desk_is_answered(desk, waiter->position))
			continue;
		list_remove(&desk->waiters, it);
		desk_put(answered, waiter);
	}
}

static void desk_on_letter(struct letter *letter, struct loop *loop)
{
	struct feed_post *post = container_of(letter, struct feed_post, letter);
	struct feed_desk *desk = post->desk;
	struct list answered;
	struct list_link *link;

	(void)loop;
	list_init(&answered);
	atomic_store_explicit(&post->posted, false, memory_order_seq_cst);
	desk_move_answered(desk, &answered);
	while ((link = list_take_first(&answered))) {
		struct feed_waiter *waiter = container_of(link, struct feed_waiter, link);

		waiter->on_known(waiter);
	}
	if (!list_empty(&desk->waiters))
		desk_ask(desk);
}

void feed_desk_init(struct feed_desk *desk, struct loop *loop, struct feed_shared *shared)
{
	unsigned number;

	*desk = (struct feed_desk){ .shared = shared };
	list_init(&desk->waiters);
	if (!shared)
		return;
	number = atomic_load_explicit(&shared->posts_count, memory_order_relaxed);
	assert(number < LOOPS_MAX);
	desk->post = &shared->posts[number];
	desk->post->loop = loop;
	desk->post->desk = desk;
	desk->post->letter.on_delivery = desk_on_letter;
	atomic_store_explicit(&shared->posts_count, number + 1, memory_order_release);
}

bool feed_desk_wait(struct feed_desk *desk, struct feed_waiter *waiter)
{
	if (!desk->shared || desk_is_answered(desk, waiter->position))
		return false;
	desk_put(&desk->waiters, waiter);
	desk_ask(desk);
	return true;
}

void feed_desk_leave(struct feed_waiter *waiter)
{
	list_remove(waiter->list, &waiter->link);
}

bool feed_desks_tell(struct feed_shared *shared)
{
	unsigned count = atomic_load_explicit(&shared->posts_count, memory_order_acquire);
	bool waiting = false;

	for (unsigned i = 0; i < count; i++) {
		struct feed_post *post = &shared->posts[i];

		if (!atomic_exchange_explicit(&post->waiting, false, memory_order_seq_cst))
			continue;
		waiting = true;
		if (atomic_exchange_explicit(&post->posted, true, memory_order_seq_cst))
			continue;
		if (!loop_post(post->loop, &post->letter)) {
			atomic_store_explicit(&post->posted, false, memory_order_seq_cst);
			atomic_store_explicit(&post->waiting, true, memory_order_seq_cst);
		}
	}
	return waiting;
}
