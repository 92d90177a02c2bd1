/* SPDX-License-Identifier: Apache-2.0 */
/* What others may have written is not taken: it says what this process asks. */
#include "cmd/warm_file.h"

#include "base/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- reading ---------------------------------------------------------------------------------- */

static const char *warm_file_wrong(const struct stat *stat)
{
	if (!S_ISREG(stat->st_mode))
		return "it is no regular file";
	if (stat->st_uid != geteuid() && stat->st_uid != 0)
		return "it belongs to another user";
	if (stat->st_mode & (S_IWGRP | S_IWOTH))
		return "others may write to it";
	return stat->st_size > WARM_BYTES_MAX ? "it is too large" : NULL;
}

/* It may grow meanwhile. */
static bool warm_file_take(int fd, struct buf *text)
{
	ssize_t count;

	do {
		count = read(fd, buf_reserve(text, 65536), 65536);
		if (count > 0)
			text->len += (size_t)count;
	} while (count > 0 && text->len <= WARM_BYTES_MAX);
	return count >= 0;
}

static struct warm_list *warm_file_parse(int fd, char *error, size_t error_room)
{
	struct warm_list *list = NULL;
	const char *wrong;
	struct stat stat;
	struct buf text;

	buf_init(&text);
	wrong = fstat(fd, &stat) == 0 ? warm_file_wrong(&stat) : strerror(errno);
	if (!wrong && !warm_file_take(fd, &text))
		wrong = strerror(errno);
	if (wrong)
		snprintf(error, error_room, "%s", wrong);
	else
		list = warm_list_read((struct text){ text.ptr, text.len }, error, error_room);
	buf_fini(&text);
	return list;
}

struct warm_list *warm_file_read(const char *path, char *error, size_t error_room)
{
	/* It is not waited for who writes to a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct warm_list *list;

	snprintf(error, error_room, "%s", fd >= 0 || errno == ENOENT ? "" : strerror(errno));
	if (fd < 0)
		return NULL;
	list = warm_file_parse(fd, error, error_room);
	close(fd);
	if (list)
		list->of_file = true;
	return list;
}

/* --- writing ---------------------------------------------------------------------------------- */

static bool warm_file_put(int fd, const struct buf *text)
{
	for (size_t at = 0; at < text->len;) {
		ssize_t count = write(fd, text->ptr + at, text->len - at);

		if (count < 0)
			return false;
		at += (size_t)count;
	}
	return fsync(fd) == 0;
}

/* The name, too, is on the disk then. */
static bool warm_file_sync_folder(const char *path)
{
	char *copy = strdup(path);
	int fd = copy ? open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	bool done = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	free(copy);
	return done;
}

/* mkstemp makes it with mode 0600. */
static bool warm_file_replace(const char *path, const struct buf *text)
{
	char fresh[4096];
	bool done;
	int fd;

	if (snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path) >= (int)sizeof(fresh)) {
		errno = ENAMETOOLONG;
		return false;
	}
	fd = mkostemp(fresh, O_CLOEXEC);
	if (fd < 0)
		return false;
	done = warm_file_put(fd, text) && rename(fresh, path) == 0;
	if (!done) {
		int wrong = errno;

		unlink(fresh);
		errno = wrong;
	}
	close(fd);
	return done && warm_file_sync_folder(path);
}

bool warm_file_write(const char *path, const struct warm_list *list, char *error, size_t error_room)
{
	/* A link is followed, not replaced. */
	char *real = realpath(path, NULL);
	struct buf text;
	bool done;

	buf_init(&text);
	warm_list_write(list, &text);
	done = warm_file_replace(real ? real : path, &text);
	if (!done)
		snprintf(error, error_room, "%s", strerror(errno));
	buf_fini(&text);
	free(real);
	return done;
}
