/* SPDX-License-Identifier: Apache-2.0 */
/* Two lists, and a look at what has come. */
#include "http/intake.h"

#include "base/limits.h"
#include "base/log.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define INTAKE_HEAD_BYTES 4096
#define INTAKE_OTHERS 4  /* one of so many */
#define INTAKE_LOOKS 128 /* who has waited for longer has had time to say it */

void intake_init(struct intake *intake)
{
	list_init(&intake->whole);
	list_init(&intake->others);
	intake->taken = 0;
}

unsigned intake_waiting(const struct intake *intake)
{
	return (unsigned)(intake->whole.count + intake->others.count);
}

/* Who comes first is all that depends on it: what it says is read again, and properly. */
static bool intake_is_whole(int fd)
{
	static const char length_line[] = "\r\nContent-Length:";
	char head[INTAKE_HEAD_BYTES + 1];
	ssize_t len = recv(fd, head, INTAKE_HEAD_BYTES, MSG_PEEK | MSG_DONTWAIT);
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

struct newcomer *intake_add(struct intake *intake, int fd, const struct sockaddr *address,
			    socklen_t address_len, struct caller *caller)
{
	struct newcomer *newcomer = calloc(1, sizeof(*newcomer));

	if (!newcomer)
		log_fatal("http", "out of memory");
	assert(address_len <= sizeof(newcomer->address));
	newcomer->fd = fd;
	newcomer->address_len = address_len;
	newcomer->caller = caller;
	memcpy(&newcomer->address, address, address_len);
	list_append(&intake->others, &newcomer->link);
	return newcomer;
}

bool intake_says_nothing(const struct newcomer *newcomer)
{
	int unread = 0;

	return ioctl(newcomer->fd, FIONREAD, &unread) != 0 || unread == 0;
}

void intake_remove(struct intake *intake, struct newcomer *newcomer)
{
	list_remove(newcomer->whole ? &intake->whole : &intake->others, &newcomer->link);
}

void intake_look(struct intake *intake)
{
	struct list *others = &intake->others;
	struct list_link *before;
	unsigned looks = INTAKE_LOOKS;

	if (intake_waiting(intake) <= HTTP_NEWCOMERS_PER_TURN)
		return;
	for (struct list_link *it = others->head.prev; it != &others->head && looks--;
	     it = before) {
		struct newcomer *newcomer = container_of(it, struct newcomer, link);

		before = it->prev;
		if (!intake_is_whole(newcomer->fd))
			continue;
		list_remove(others, it);
		list_append(&intake->whole, it);
		newcomer->whole = true;
	}
}

struct newcomer *intake_take(struct intake *intake)
{
	struct list *others = &intake->others;
	struct list_link *link;

	if (intake_waiting(intake) == 0)
		return NULL;
	intake->taken++;
	if (!list_empty(&intake->whole) &&
	    (list_empty(others) || intake->taken % INTAKE_OTHERS != 0))
		return container_of(list_take_first(&intake->whole), struct newcomer, link);
	link = intake->taken / INTAKE_OTHERS % 2 ? list_last(others) : list_first(others);
	list_remove(others, link);
	return container_of(link, struct newcomer, link);
}
