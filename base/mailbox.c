/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ck_ring with many producers and one consumer. The bell is an eventfd that is written only when
 * it is not ringing already, so that a burst of letters costs one system call.
 */
#include "base/mailbox.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/tsan.h"

#include <assert.h>
#include <ck_ring.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct mailbox {
	ck_ring_t ring;
	ck_ring_buffer_t slots[MAILBOX_SLOTS];
	_Atomic int ringing;
	int fd;
};

static inline void mailbox_tsan_off(void)
{
	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
	AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
}

static inline void mailbox_tsan_on(void)
{
	AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

struct mailbox *mailbox_new(void)
{
	struct mailbox *mailbox = calloc(1, sizeof(*mailbox));
	int reason;

	if (!mailbox)
		log_fatal("mailbox", "out of memory");
	ck_ring_init(&mailbox->ring, MAILBOX_SLOTS);
	mailbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (mailbox->fd >= 0)
		return mailbox;
	reason = errno;
	free(mailbox);
	errno = reason;
	return NULL;
}

void mailbox_free(struct mailbox *mailbox)
{
	close(mailbox->fd);
	free(mailbox);
}

int mailbox_fd(const struct mailbox *mailbox)
{
	return mailbox->fd;
}

bool mailbox_post(struct mailbox *mailbox, void *letter)
{
	bool fits;

	assert(letter);
	__tsan_release(mailbox->slots);
	mailbox_tsan_off();
	fits = ck_ring_enqueue_mpsc(&mailbox->ring, mailbox->slots, letter);
	mailbox_tsan_on();
	if (!fits)
		return false;
	mailbox_wake(mailbox);
	return true;
}

void mailbox_wake(struct mailbox *mailbox)
{
	uint64_t one = 1;
	ssize_t wrote;

	/* A reader that quiets the bell after this sees the letter that came before it. */
	if (atomic_exchange(&mailbox->ringing, 1))
		return;
	do
		wrote = write(mailbox->fd, &one, sizeof(one));
	while (wrote < 0 && errno == EINTR);
	assert(wrote == sizeof(one));
}

void mailbox_quiet(struct mailbox *mailbox)
{
	uint64_t count;
	ssize_t got;

	do
		got = read(mailbox->fd, &count, sizeof(count));
	while (got < 0 && errno == EINTR);
	/* Only now: a bell rung in between would have been quieted without being heard. */
	atomic_exchange(&mailbox->ringing, 0);
}

void *mailbox_take(struct mailbox *mailbox)
{
	void *letter;
	bool some;

	mailbox_tsan_off();
	some = ck_ring_dequeue_mpsc(&mailbox->ring, mailbox->slots, &letter);
	mailbox_tsan_on();
	if (!some)
		return NULL;
	__tsan_acquire(mailbox->slots);
	return letter;
}
