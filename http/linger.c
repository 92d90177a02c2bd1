/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 9112 section 9.6: a lingering close, bounded in time, number and bytes. */
#include "http/linger.h"

#include "base/limits.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct lingerer {
	struct list_link link;
	struct lingerers *lingerers;
	struct loop_watch watch;
	int64_t due_us;
	size_t bytes_left;
};

static void lingerer_end(struct lingerer *lingerer, bool reset)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	int fd = lingerer->watch.fd;

	if (reset)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	loop_unwatch(lingerer->lingerers->loop, &lingerer->watch);
	list_remove(&lingerer->lingerers->list, &lingerer->link);
	close(fd);
	free(lingerer);
}

static void lingerer_on_ready(struct loop_watch *watch, uint32_t events)
{
	struct lingerer *lingerer = container_of(watch, struct lingerer, watch);
	char forgotten[HTTP_LINGER_PIECE_BYTES];
	ssize_t got = recv(watch->fd, forgotten, sizeof(forgotten), MSG_DONTWAIT);

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		lingerer_end(lingerer, false);
	else if ((size_t)got > lingerer->bytes_left)
		lingerer_end(lingerer, true);
	else
		lingerer->bytes_left -= (size_t)got;
}

static void lingerers_on_due(struct loop_timer *timer)
{
	struct lingerers *lingerers = container_of(timer, struct lingerers, timer);

	while (!list_empty(&lingerers->list)) {
		struct lingerer *first =
			container_of(list_first(&lingerers->list), struct lingerer, link);

		if (first->due_us > loop_now(lingerers->loop)) {
			loop_timer_set(lingerers->loop, timer, first->due_us);
			return;
		}
		lingerer_end(first, true);
	}
}

void lingerers_init(struct lingerers *lingerers, struct loop *loop)
{
	lingerers->loop = loop;
	list_init(&lingerers->list);
	lingerers->timer.on_due = lingerers_on_due;
}

void lingerers_fini(struct lingerers *lingerers)
{
	loop_timer_cancel(lingerers->loop, &lingerers->timer);
	while (!list_empty(&lingerers->list))
		lingerer_end(container_of(list_first(&lingerers->list), struct lingerer, link),
			     true);
}

void linger(struct lingerers *lingerers, int fd)
{
	struct lingerer *lingerer;
	char byte;
	int copy;

	if (lingerers->list.count == HTTP_LINGERERS_MAX)
		return;
	if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		return;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return;
	lingerer = calloc(1, sizeof(*lingerer));
	if (!lingerer)
		log_fatal("http", "out of memory");
	lingerer->lingerers = lingerers;
	lingerer->due_us = loop_now(lingerers->loop) + HTTP_LINGER_US;
	lingerer->bytes_left = HTTP_LINGER_BYTES_MAX;
	lingerer->watch = (struct loop_watch){ .fd = -1, .on_ready = lingerer_on_ready };
	list_append(&lingerers->list, &lingerer->link);
	loop_watch(lingerers->loop, &lingerer->watch, copy, EPOLLIN);
	if (lingerers->timer.slot == 0)
		loop_timer_set(lingerers->loop, &lingerers->timer, lingerer->due_us);
}
