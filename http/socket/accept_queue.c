/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists, and a scan for requests that have come. */
#include "http/socket/accept_queue.h"

#include "base/limits.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define ACCEPT_QUEUE_HEAD_BYTES 4096
#define ACCEPT_QUEUE_OTHERS 4     /* one of so many */
#define ACCEPT_QUEUE_SCAN_MAX 128 /* who has waited for longer has had time to say it */

void accept_queue_init(struct accept_queue *accept_queue)
{
	list_init(&accept_queue->whole);
	list_init(&accept_queue->others);
	accept_queue->taken = 0;
}

unsigned accept_queue_waiting(const struct accept_queue *accept_queue)
{
	return (unsigned)(accept_queue->whole.count + accept_queue->others.count);
}

/* Who comes first is all that depends on it: what it says is read again, and properly. */
static bool accept_queue_is_whole(int fd)
{
	static const char length_line[] = "\r\nContent-Length:";
	char head[ACCEPT_QUEUE_HEAD_BYTES + 1];
	ssize_t len = recv(fd, head, ACCEPT_QUEUE_HEAD_BYTES, MSG_PEEK | MSG_DONTWAIT);
	const char *end, *length;

	if (len <= 0)
		return false;
	head[len] = '\0';
	end = strstr(head, "\r\n\r\n");
	length = strcasestr(head, length_line);
	if (!end || !length || length > end)
		return end;
	return strtoul(length + sizeof(length_line) - 1, NULL, 10) <=
	       (size_t)(head + len - end) - strlen("\r\n\r\n");
}

struct newcomer *accept_queue_add(struct accept_queue *accept_queue, int fd,
				  const struct sockaddr *address, socklen_t address_len,
				  struct caller *caller)
{
	struct newcomer *newcomer = calloc(1, sizeof(*newcomer));

	if (!newcomer)
		log_fatal("http", "out of memory");
	assert(address_len <= sizeof(newcomer->address));
	newcomer->fd = fd;
	newcomer->address_len = address_len;
	newcomer->caller = caller;
	memcpy(&newcomer->address, address, address_len);
	list_append(&accept_queue->others, &newcomer->link);
	return newcomer;
}

bool accept_queue_says_nothing(const struct newcomer *newcomer)
{
	int unread = 0;

	return ioctl(newcomer->fd, FIONREAD, &unread) != 0 || unread == 0;
}

void accept_queue_remove(struct accept_queue *accept_queue, struct newcomer *newcomer)
{
	list_remove(newcomer->whole ? &accept_queue->whole : &accept_queue->others,
		    &newcomer->link);
}

void accept_queue_scan(struct accept_queue *accept_queue)
{
	struct list *others = &accept_queue->others;
	struct list_link *before;
	unsigned scans = ACCEPT_QUEUE_SCAN_MAX;

	if (accept_queue_waiting(accept_queue) <= HTTP_NEWCOMERS_PER_TURN)
		return;
	for (struct list_link *it = others->head.prev; it != &others->head && scans--;
	     it = before) {
		struct newcomer *newcomer = container_of(it, struct newcomer, link);

		before = it->prev;
		if (!accept_queue_is_whole(newcomer->fd))
			continue;
		list_remove(others, it);
		list_append(&accept_queue->whole, it);
		newcomer->whole = true;
	}
}

struct newcomer *accept_queue_take(struct accept_queue *accept_queue)
{
	struct list *others = &accept_queue->others;
	struct list_link *link;

	if (accept_queue_waiting(accept_queue) == 0)
		return NULL;
	accept_queue->taken++;
	if (!list_empty(&accept_queue->whole) &&
	    (list_empty(others) || accept_queue->taken % ACCEPT_QUEUE_OTHERS != 0))
		return container_of(list_take_first(&accept_queue->whole), struct newcomer, link);
	link = accept_queue->taken / ACCEPT_QUEUE_OTHERS % 2 ? list_last(others)
							     : list_first(others);
	list_remove(others, link);
	return container_of(link, struct newcomer, link);
}
