/* SPDX-License-Identifier: Apache-2.0 */
/* The file of --cache-warm: whole or not at all, for its owner alone. */
#include "cmd/warm_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64], path[128], error[256];
static bool disk_full;

/* Takes the place of the C library's: a disk that is full behind the first byte. */
ssize_t write(int fd, const void *ptr, size_t len)
{
	struct stat file;

	if (disk_full && fd > 2 && fstat(fd, &file) == 0 && S_ISREG(file.st_mode)) {
		if (file.st_size) {
			errno = ENOSPC;
			return -1;
		}
		len = 1;
	}
	return syscall(SYS_write, fd, ptr, len);
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/cqrsd-warm-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/keys", folder);
	disk_full = false;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	/* Nothing else was left there. */
	return rmdir(folder);
}

static bool put(const char *value)
{
	const struct warm_key key = { "thing", "0123456789abcdef", &value, 1 };
	struct warm_list *list = warm_list_new();
	bool done;

	assert_true(warm_list_add(list, &key));
	done = warm_file_write(path, list, error, sizeof(error));
	warm_list_free(list);
	return done;
}

static void assert_holds(const char *value)
{
	struct warm_list *list = warm_file_read(path, error, sizeof(error));

	assert_non_null(list);
	assert_true(list->of_file);
	assert_int_equal(list->count, 1);
	assert_string_equal(list->keys[0].values[0], value);
	warm_list_free(list);
}

static void a_file_is_replaced_and_is_for_its_owner_alone(void **state)
{
	struct stat stat_of;
	mode_t mask = umask(0);

	(void)state;
	assert_true(put("1"));
	assert_holds("1");
	assert_int_equal(chmod(path, 0644), 0);
	assert_true(put("2"));
	assert_holds("2");
	assert_int_equal(stat(path, &stat_of), 0);
	assert_int_equal(stat_of.st_mode & 07777, 0600);
	umask(mask);
}

static void what_was_there_stays_when_the_disk_is_full(void **state)
{
	(void)state;
	assert_true(put("1"));
	disk_full = true;
	assert_false(put("2"));
	disk_full = false;
	assert_string_equal(error, strerror(ENOSPC));
	assert_holds("1");
}

static void one_that_is_not_there_is_no_error(void **state)
{
	(void)state;
	assert_null(warm_file_read(path, error, sizeof(error)));
	assert_string_equal(error, "");
}

static void what_others_may_write_to_is_refused(void **state)
{
	(void)state;
	assert_true(put("1"));
	assert_int_equal(chmod(path, 0620), 0);
	assert_null(warm_file_read(path, error, sizeof(error)));
	assert_string_equal(error, "others may write to it");
	assert_int_equal(chmod(path, 0602), 0);
	assert_null(warm_file_read(path, error, sizeof(error)));
	assert_int_equal(chmod(path, 0644), 0);
	assert_holds("1");
}

static void what_is_no_file_is_refused_and_not_waited_for(void **state)
{
	(void)state;
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(warm_file_read(path, error, sizeof(error)));
	assert_string_equal(error, "it is no regular file");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_null(warm_file_read(path, error, sizeof(error)));
	assert_string_equal(error, "it is no regular file");
	assert_false(put("1"));
	rmdir(path);
}

static void one_that_is_too_large_is_refused(void **state)
{
	(void)state;
	assert_true(put("1"));
	assert_int_equal(truncate(path, INT64_C(1) << 40), 0);
	assert_null(warm_file_read(path, error, sizeof(error)));
	assert_string_equal(error, "it is too large");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_replaced_and_is_for_its_owner_alone),
		TEST(what_was_there_stays_when_the_disk_is_full),
		TEST(one_that_is_not_there_is_no_error),
		TEST(what_others_may_write_to_is_refused),
		TEST(what_is_no_file_is_refused_and_not_waited_for),
		TEST(one_that_is_too_large_is_refused),
	};

	return cmocka_run_group_tests_name("test_warm_file", tests, NULL, NULL);
}
