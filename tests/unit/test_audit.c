/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log: its lines, and what becomes of them when the disk is slow, full, or moved. */
#include "base/audit.h"

#include "base/limits.h"
#include "base/line_ring.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define WRITERS 3
#define LINES 20000

static char path[64], error[256];
static atomic_bool disk_full, disk_slow;
static atomic_int tries;

/* Takes the place of the C library's: a disk that is full, or takes three bytes at a time. */
ssize_t write(int fd, const void *ptr, size_t len)
{
	struct stat file;

	if (fd > 2 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode)) {
		atomic_fetch_add(&tries, 1);
		if (atomic_load(&disk_full)) {
			errno = ENOSPC;
			return -1;
		}
		if (atomic_load(&disk_slow) && len > 3)
			len = 3;
	}
	return syscall(SYS_write, fd, ptr, len);
}

static int start(void **state)
{
	char name[] = "/tmp/cqrsd-audit-XXXXXX";

	(void)state;
	close(mkstemp(name));
	unlink(name);
	snprintf(path, sizeof(path), "%s", name);
	atomic_store(&disk_full, false);
	atomic_store(&disk_slow, false);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

static struct audit *audit_at(const char *where)
{
	struct audit *audit = audit_open(where, error, sizeof(error));

	if (!audit)
		fail_msg("%s", error);
	return audit;
}

/* Freed by the caller. */
static char *content_of(const char *where)
{
	FILE *file = fopen(where, "re");
	size_t room = 16 << 20, len;
	char *content = malloc(room);

	assert_non_null(file);
	len = fread(content, 1, room - 1, file);
	content[len] = '\0';
	fclose(file);
	return content;
}

static unsigned count_of(const char *content, const char *what)
{
	unsigned count = 0;

	for (const char *at = content; (at = strstr(at, what)); at++)
		count++;
	return count;
}

static void note(struct audit_queue *queue, const char *operation)
{
	const struct audit_entry entry = {
		.event = "command", .operation = text_of(operation), .code = "ok", .status = 200
	};

	while (!audit_note(queue, &entry))
		sched_yield();
}

/* --- what a line holds ------------------------------------------------------------------------ */

static void a_line_says_who_did_what_for_whom_and_what_came_of_it(void **state)
{
	struct audit *audit = audit_at(path);
	struct audit_queue *queue = audit_queue_new(audit);
	const struct audit_entry whole = { .event = "command",
					   .caller = TEXT("key:abc"),
					   .address = TEXT("10.0.0.2"),
					   .certificate = TEXT("CN=web"),
					   .user = TEXT("an\"n\n"),
					   .operation = TEXT("place_order"),
					   .code = "conflict",
					   .status = 409,
					   .replayed = true,
					   .request_id = "r-1" };
	const struct audit_entry bare = { .event = "refusal", .code = "forbidden", .status = 403 };
	char *content;

	audit_start(audit);
	assert_true(audit_note(queue, &whole));
	assert_true(audit_note(queue, &bare));
	audit_close(audit);
	content = content_of(path);
	assert_memory_equal(content, "{\"time\":\"20", 11);
	assert_non_null(strstr(content, "Z\",\"event\":\"command\",\"caller\":\"key:abc\","
					"\"address\":\"10.0.0.2\",\"certificate\":\"CN=web\","
					"\"user\":\"an\\\"n\\n\",\"operation\":\"place_order\","
					"\"code\":\"conflict\",\"status\":409,\"replayed\":true,"
					"\"request_id\":\"r-1\"}\n"));
	assert_non_null(
		strstr(content, "\"event\":\"refusal\",\"code\":\"forbidden\",\"status\":403}\n"));
	assert_int_equal(count_of(content, "\n"), 2);
	free(content);
}

static void the_file_is_its_owners_and_is_appended_to(void **state)
{
	mode_t before = umask(0);
	struct stat file;
	char *content;

	for (int i = 0; i < 2; i++) {
		struct audit *audit = audit_at(path);
		struct audit_queue *queue = audit_queue_new(audit);

		audit_start(audit);
		note(queue, "x");
		audit_close(audit);
	}
	umask(before);
	assert_int_equal(stat(path, &file), 0);
	assert_int_equal(file.st_mode & 0777, 0600);
	content = content_of(path);
	assert_int_equal(count_of(content, "\n"), 2);
	free(content);
}

static void what_cannot_be_a_log_is_named(void **state)
{
	assert_null(audit_open("/no/such/folder/audit", error, sizeof(error)));
	assert_string_equal(error, "/no/such/folder/audit: No such file or directory");
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(audit_open(path, error, sizeof(error)));
}

/* --- many writers ----------------------------------------------------------------------------- */

struct writer {
	struct audit_queue *queue;
	pthread_t thread;
	char name;
};

static void *writer_run(void *arg)
{
	struct writer *writer = arg;
	char text[16];

	for (int i = 0; i < LINES; i++) {
		snprintf(text, sizeof(text), "%c%d", writer->name, i);
		note(writer->queue, text);
	}
	return NULL;
}

/* The number in each line of a writer is one more than that before. Takes the content apart. */
static void assert_each_line_once_and_in_order(char *content)
{
	int next[WRITERS] = { 0 };
	char *rest = content, *line;

	while ((line = strsep(&rest, "\n")) && *line) {
		const char *operation = strstr(line, "\"operation\":\"");
		int writer;

		assert_memory_equal(line, "{\"time\":", 8);
		if (!operation)
			continue; /* how many had no room */
		writer = operation[13] - 'a';
		assert_int_equal(strtol(operation + 14, NULL, 10), next[writer]);
		next[writer]++;
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(next[i], LINES);
}

static void lines_of_many_threads_are_whole_and_none_is_lost(void **state)
{
	struct audit *audit = audit_at(path);
	struct writer writers[WRITERS];
	char *content;

	for (int i = 0; i < WRITERS; i++)
		writers[i] = (struct writer){ audit_queue_new(audit), 0, (char)('a' + i) };
	audit_start(audit);
	for (int i = 0; i < WRITERS; i++)
		pthread_create(&writers[i].thread, NULL, writer_run, &writers[i]);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writers[i].thread, NULL);
	audit_close(audit);
	content = content_of(path);
	assert_each_line_once_and_in_order(content);
	free(content);
}

/* --- a disk that does not keep up ------------------------------------------------------------- */

static void who_notes_never_waits_for_a_full_disk_and_what_is_dropped_is_said(void **state)
{
	const struct audit_entry entry = { .event = "command", .code = "ok", .status = 200 };
	struct audit *audit = audit_at(path);
	struct audit_queue *queue = audit_queue_new(audit);
	unsigned taken = 0, dropped = 0;
	char *content, told[64];

	atomic_store(&disk_full, true);
	audit_start(audit);
	while (dropped < 10)
		if (audit_note(queue, &entry))
			taken++;
		else
			dropped++;
	assert_true(taken >= AUDIT_RING_BYTES / 128);
	atomic_store(&disk_full, false);
	audit_close(audit);
	content = content_of(path);
	snprintf(told, sizeof(told), "\"event\":\"dropped\",\"lines\":%u}\n", dropped);
	assert_int_equal(count_of(content, "\"event\":\"command\""), taken);
	assert_int_equal(count_of(content, told), 1);
	free(content);
}

static void a_disk_that_takes_little_at_a_time_tears_no_line(void **state)
{
	struct audit *audit = audit_at(path);
	struct audit_queue *queue = audit_queue_new(audit);
	char *content;

	atomic_store(&disk_slow, true);
	audit_start(audit);
	for (int i = 0; i < 100; i++)
		note(queue, "x");
	audit_close(audit);
	content = content_of(path);
	assert_int_equal(count_of(content, "\"operation\":\"x\",\"code\":\"ok\",\"status\":200}\n"),
			 100);
	free(content);
}

static void a_process_ends_though_the_disk_stays_full(void **state)
{
	struct audit *audit = audit_at(path);
	struct audit_queue *queue = audit_queue_new(audit);

	atomic_store(&disk_full, true);
	atomic_store(&tries, 0);
	audit_start(audit);
	note(queue, "x");
	audit_close(audit);
	assert_true(atomic_load(&tries) > 0);
}

/* --- rotation --------------------------------------------------------------------------------- */

static bool has_lines(const char *where, unsigned lines)
{
	for (int i = 0; i < 5000; i++) {
		char *content = content_of(where);
		unsigned count = count_of(content, "\n");

		free(content);
		if (count == lines)
			return true;
		poll(NULL, 0, 1);
	}
	return false;
}

static void a_file_that_was_moved_away_is_followed_by_a_new_one(void **state)
{
	struct audit *audit = audit_at(path);
	struct audit_queue *queue = audit_queue_new(audit);
	char moved[80];

	audit_start(audit);
	note(queue, "before");
	assert_true(has_lines(path, 1));
	snprintf(moved, sizeof(moved), "%s.1", path);
	assert_int_equal(rename(path, moved), 0);
	note(queue, "meanwhile");
	assert_true(has_lines(moved, 2));
	audit_reopen(audit);
	note(queue, "after");
	assert_true(has_lines(path, 1));
	assert_true(has_lines(moved, 2));

	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	audit_reopen(audit);
	note(queue, "lost by nobody");
	audit_close(audit);
	assert_int_equal(rmdir(path), 0);
	unlink(moved);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		STORY(a_line_says_who_did_what_for_whom_and_what_came_of_it),
		STORY(the_file_is_its_owners_and_is_appended_to),
		STORY(what_cannot_be_a_log_is_named),
		STORY(lines_of_many_threads_are_whole_and_none_is_lost),
		STORY(who_notes_never_waits_for_a_full_disk_and_what_is_dropped_is_said),
		STORY(a_disk_that_takes_little_at_a_time_tears_no_line),
		STORY(a_process_ends_though_the_disk_stays_full),
		STORY(a_file_that_was_moved_away_is_followed_by_a_new_one),
	};

	log_setup(LOG_ERROR, LOG_HUMAN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
