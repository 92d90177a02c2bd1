/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread sleeps on an eventfd, and says so before it looks at the rings for the last time; who
 * has put in and finds it asleep rings the bell. So a line costs a system call only where the
 * thread has nothing to do.
 */
#include "base/audit.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/line_ring.h"
#include "base/list.h"
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define AUDIT_PIECE_BYTES 65536 /* written at once */
#define AUDIT_RETRY_MS 1000
#define AUDIT_RETRY_AT_END_MS 100
#define AUDIT_TRIES_AT_END 3
#define AUDIT_MOMENT_NS 10000000
#define AUDIT_MOMENTS 20
#define AUDIT_SECOND_BYTES 32

struct audit_queue {
	struct list_link link;
	struct audit *audit;
	struct line_ring ring;
	_Atomic uint64_t dropped;
	uint64_t dropped_noted; /* of these, by the thread */
	struct buf line;        /* being made */
	int64_t second;         /* of the wall clock, of which second_text is */
	char second_text[AUDIT_SECOND_BYTES];
};

struct audit {
	const char *path; /* borrowed */
	int fd;           /* the thread's */
	atomic_int next;  /* the file to go on in; -1: none */
	int bell;         /* an eventfd */
	atomic_bool asleep;
	atomic_bool ending;
	struct list queues;
	pthread_t thread;
	char piece[AUDIT_PIECE_BYTES];
	size_t piece_len; /* of it that was not written yet */
	bool failed;      /* the last try; and it was said */
};

/* --- a line ----------------------------------------------------------------------------------- */

static void audit_time(struct audit_queue *queue, struct buf *line)
{
	int64_t now_us = clock_wall_us();
	time_t second = (time_t)(now_us / US_PER_S);
	struct tm tm;

	if (second != queue->second) {
		gmtime_r(&second, &tm);
		strftime(queue->second_text, sizeof(queue->second_text), "%Y-%m-%dT%H:%M:%S", &tm);
		queue->second = second;
	}
	buf_printf(line, "{\"time\":\"%s.%06dZ\"", queue->second_text, (int)(now_us % US_PER_S));
}

static void audit_member(struct buf *line, const char *name, struct text value)
{
	if (!value.ptr)
		return;
	buf_literal(line, ",\"");
	buf_string(line, name);
	buf_literal(line, "\":");
	buf_json_string(line, value.ptr, value.len);
}

static struct text audit_text(const char *string)
{
	return string ? text_of(string) : (struct text){ NULL, 0 };
}

static void audit_line(struct audit_queue *queue, const struct audit_entry *entry)
{
	struct buf *line = &queue->line;

	buf_clear(line);
	audit_time(queue, line);
	audit_member(line, "event", text_of(entry->event));
	audit_member(line, "caller", entry->caller);
	audit_member(line, "address", entry->address);
	audit_member(line, "certificate", entry->certificate);
	audit_member(line, "user", entry->user);
	audit_member(line, "operation", entry->operation);
	audit_member(line, "job", entry->job);
	audit_member(line, "key", entry->key);
	audit_member(line, "new_key", entry->new_key);
	audit_member(line, "code", audit_text(entry->code));
	if (entry->status) {
		buf_literal(line, ",\"status\":");
		buf_int(line, entry->status);
	}
	if (entry->changed)
		buf_printf(line, ",\"changed\":%lu", entry->changed);
	if (entry->replayed)
		buf_literal(line, ",\"replayed\":true");
	audit_member(line, "request_id", audit_text(entry->request_id));
	buf_literal(line, "}\n");
}

static void audit_wake(struct audit *audit)
{
	uint64_t one = 1;

	(void)!write(audit->bell, &one, sizeof(one));
}

bool audit_note(struct audit_queue *queue, const struct audit_entry *entry)
{
	audit_line(queue, entry);
	if (!line_ring_put(&queue->ring, queue->line.ptr, queue->line.len)) {
		atomic_fetch_add_explicit(&queue->dropped, 1, memory_order_relaxed);
		return false;
	}
	if (atomic_exchange(&queue->audit->asleep, false))
		audit_wake(queue->audit);
	return true;
}

/* --- the file --------------------------------------------------------------------------------- */

/* -1: error says why. */
static int audit_file(const char *path, char *error, size_t error_room)
{
	int fd =
		open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	struct stat file;

	if (fd < 0 || fstat(fd, &file) != 0) {
		snprintf(error, error_room, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(file.st_mode) && !S_ISCHR(file.st_mode)) {
		snprintf(error, error_room, "%s: is no file", path);
	} else {
		if (S_ISREG(file.st_mode) && file.st_mode & (S_IRWXG | S_IRWXO))
			log_warn("audit", "--audit-log: others can read %s: chmod 600", path);
		return fd;
	}
	if (fd >= 0)
		close(fd);
	return -1;
}

/* False: what is left is to be tried again. */
static bool audit_write(struct audit *audit)
{
	ssize_t done = write(audit->fd, audit->piece, audit->piece_len);

	if (done > 0) {
		audit->piece_len -= (size_t)done;
		memmove(audit->piece, audit->piece + done, audit->piece_len);
		if (audit->failed)
			log_info("audit", "%s is written again", audit->path);
		audit->failed = false;
		return true;
	}
	if (!audit->failed)
		log_error("audit", "%s cannot be written: %s; it is tried again each second",
			  audit->path, strerror(errno));
	audit->failed = true;
	return false;
}

static void audit_change_file(struct audit *audit)
{
	int next = atomic_exchange(&audit->next, -1);

	if (next < 0)
		return;
	/* A line that was begun ends in the file where it began, if it can. */
	if (audit->piece_len)
		(void)audit_write(audit);
	close(audit->fd);
	audit->fd = next;
}

/* How many lines of a queue had no room is one itself. */
static void audit_note_dropped(struct audit *audit, struct audit_queue *queue)
{
	uint64_t dropped = atomic_load_explicit(&queue->dropped, memory_order_relaxed);
	uint64_t more = dropped - queue->dropped_noted;
	time_t now = (time_t)(clock_wall_us() / US_PER_S);
	struct tm tm;

	if (!more || AUDIT_PIECE_BYTES - audit->piece_len < 128)
		return;
	gmtime_r(&now, &tm);
	audit->piece_len += strftime(audit->piece + audit->piece_len, 64,
				     "{\"time\":\"%Y-%m-%dT%H:%M:%SZ\"", &tm);
	audit->piece_len +=
		(size_t)snprintf(audit->piece + audit->piece_len, 64,
				 ",\"event\":\"dropped\",\"lines\":%" PRIu64 "}\n", more);
	log_error("audit", "%" PRIu64 " lines of the audit log were dropped", more);
	queue->dropped_noted = dropped;
}

/* What fits of what is there. */
static void audit_gather(struct audit *audit)
{
	list_each (&audit->queues, it) {
		struct audit_queue *queue = container_of(it, struct audit_queue, link);

		audit->piece_len += line_ring_take(&queue->ring, audit->piece + audit->piece_len,
						   AUDIT_PIECE_BYTES - audit->piece_len);
		audit_note_dropped(audit, queue);
	}
}

/* --- the thread ------------------------------------------------------------------------------- */

static bool audit_has_more(const struct audit *audit)
{
	list_each (&audit->queues, it)
		if (!line_ring_is_empty(&container_of(it, struct audit_queue, link)->ring))
			return true;
	return false;
}

static void audit_wait(struct audit *audit, int ms)
{
	struct pollfd asked = { .fd = audit->bell, .events = POLLIN };
	uint64_t rung;

	if (poll(&asked, 1, ms) == 1)
		(void)!read(audit->bell, &rung, sizeof(rung));
}

static void audit_sleep(struct audit *audit)
{
	/* Who exchanges it before this has put in what is seen below; who does later rings. */
	(void)atomic_exchange(&audit->asleep, true);
	if (!audit_has_more(audit) && !atomic_load(&audit->ending) && atomic_load(&audit->next) < 0)
		audit_wait(audit, -1);
	atomic_store(&audit->asleep, false);
}

static void *audit_run(void *arg)
{
	struct audit *audit = arg;
	unsigned tries = 0;

	while (!atomic_load(&audit->ending) ||
	       ((audit->piece_len || audit_has_more(audit)) && tries < AUDIT_TRIES_AT_END)) {
		audit_change_file(audit);
		audit_gather(audit);
		if (!audit->piece_len) {
			audit_sleep(audit);
		} else if (!audit_write(audit)) {
			bool ending = atomic_load(&audit->ending);

			tries += ending;
			audit_wait(audit, ending ? AUDIT_RETRY_AT_END_MS : AUDIT_RETRY_MS);
		}
	}
	return NULL;
}

/* --- life ------------------------------------------------------------------------------------- */

struct audit *audit_open(const char *path, char *error, size_t error_room)
{
	int fd = audit_file(path, error, error_room);
	struct audit *audit;

	if (fd < 0)
		return NULL;
	audit = calloc(1, sizeof(*audit));
	if (!audit)
		log_fatal("audit", "out of memory");
	audit->path = path;
	audit->fd = fd;
	atomic_init(&audit->next, -1);
	list_init(&audit->queues);
	audit->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (audit->bell < 0)
		log_fatal("audit", "no eventfd can be had");
	return audit;
}

void audit_start(struct audit *audit)
{
	if (pthread_create(&audit->thread, NULL, audit_run, audit) != 0)
		log_fatal("audit", "no thread can be had");
}

struct audit_queue *audit_queue_new(struct audit *audit)
{
	struct audit_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		log_fatal("audit", "out of memory");
	queue->audit = audit;
	queue->second = -1;
	line_ring_init(&queue->ring, AUDIT_RING_BYTES);
	buf_init(&queue->line);
	list_append(&audit->queues, &queue->link);
	return queue;
}

void audit_reopen(struct audit *audit)
{
	char error[512];
	int fd = audit_file(audit->path, error, sizeof(error));

	if (fd < 0) {
		log_error("audit", "--audit-log goes on in the file that it has: %s", error);
		return;
	}
	fd = atomic_exchange(&audit->next, fd);
	if (fd >= 0)
		close(fd);
	audit_wake(audit);
}

void audit_settle(struct audit *audit)
{
	const struct timespec moment = { .tv_nsec = AUDIT_MOMENT_NS };

	for (int i = 0; i < AUDIT_MOMENTS && audit_has_more(audit); i++)
		nanosleep(&moment, NULL);
	nanosleep(&moment, NULL); /* taken out of the ring is not written yet */
}

void audit_close(struct audit *audit)
{
	atomic_store(&audit->ending, true);
	audit_wake(audit);
	pthread_join(audit->thread, NULL);
	if (audit->piece_len || audit_has_more(audit))
		log_error("audit", "lines of the audit log are lost: %s cannot be written",
			  audit->path);
	while (!list_empty(&audit->queues)) {
		struct audit_queue *queue =
			container_of(list_take_first(&audit->queues), struct audit_queue, link);

		line_ring_fini(&queue->ring);
		buf_fini(&queue->line);
		free(queue);
	}
	close(audit->fd);
	close(audit->bell);
	free(audit);
}
