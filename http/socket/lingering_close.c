/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 9112 section 9.6: a lingering close, bounded in time, number and bytes. */
#include "http/socket/lingering_close.h"

#include "base/limits.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct lingering_socket {
	struct list_link link;
	struct lingering_close *lingering_close;
	struct loop_watch watch;
	int64_t due_us;
	size_t bytes_left;
};

static void lingering_socket_end(struct lingering_socket *lingering_socket, bool reset)
{
	static const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	int fd = lingering_socket->watch.fd;

	if (reset)
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	loop_unwatch(lingering_socket->lingering_close->loop, &lingering_socket->watch);
	list_remove(&lingering_socket->lingering_close->list, &lingering_socket->link);
	close(fd);
	free(lingering_socket);
}

static void lingering_socket_on_ready(struct loop_watch *watch, uint32_t events)
{
	struct lingering_socket *lingering_socket =
		container_of(watch, struct lingering_socket, watch);
	char forgotten[HTTP_LINGERING_PIECE_BYTES];
	ssize_t got = recv(watch->fd, forgotten, sizeof(forgotten), MSG_DONTWAIT);

	(void)events;
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got <= 0)
		lingering_socket_end(lingering_socket, false);
	else if ((size_t)got > lingering_socket->bytes_left)
		lingering_socket_end(lingering_socket, true);
	else
		lingering_socket->bytes_left -= (size_t)got;
}

static void lingering_close_on_due(struct loop_timer *timer)
{
	struct lingering_close *lingering_close =
		container_of(timer, struct lingering_close, timer);

	while (!list_empty(&lingering_close->list)) {
		struct lingering_socket *first = container_of(list_first(&lingering_close->list),
							      struct lingering_socket, link);

		if (first->due_us > loop_now(lingering_close->loop)) {
			loop_timer_set(lingering_close->loop, timer, first->due_us);
			return;
		}
		lingering_socket_end(first, true);
	}
}

void lingering_close_init(struct lingering_close *lingering_close, struct loop *loop)
{
	lingering_close->loop = loop;
	list_init(&lingering_close->list);
	lingering_close->timer.on_due = lingering_close_on_due;
}

void lingering_close_fini(struct lingering_close *lingering_close)
{
	loop_timer_cancel(lingering_close->loop, &lingering_close->timer);
	while (!list_empty(&lingering_close->list))
		lingering_socket_end(container_of(list_first(&lingering_close->list),
						  struct lingering_socket, link),
				     true);
}

void lingering_close_begin(struct lingering_close *lingering_close, int fd)
{
	struct lingering_socket *lingering_socket;
	char byte;
	int copy;

	if (lingering_close->list.count == HTTP_LINGERING_MAX)
		return;
	if (recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		return;
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (copy < 0)
		return;
	lingering_socket = calloc(1, sizeof(*lingering_socket));
	if (!lingering_socket)
		log_fatal("http", "out of memory");
	lingering_socket->lingering_close = lingering_close;
	lingering_socket->due_us = loop_now(lingering_close->loop) + HTTP_LINGERING_US;
	lingering_socket->bytes_left = HTTP_LINGERING_BYTES_MAX;
	lingering_socket->watch =
		(struct loop_watch){ .fd = -1, .on_ready = lingering_socket_on_ready };
	list_append(&lingering_close->list, &lingering_socket->link);
	loop_watch(lingering_close->loop, &lingering_socket->watch, copy, EPOLLIN);
	if (lingering_close->timer.slot == 0)
		loop_timer_set(lingering_close->loop, &lingering_close->timer,
			       lingering_socket->due_us);
}
