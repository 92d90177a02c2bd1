/* SPDX-License-Identifier: Apache-2.0 */
/* All or nothing: a file with one wrong line is not taken over. */
#include "http/auth/keys_file.h"

#include "base/config.h"
#include "base/limits.h"

#include <sys/stat.h>
#include <unistd.h>

/* The next line, without its end. */
static struct text cut_line(struct text *rest)
{
	const char *end = memchr(rest->ptr, '\n', rest->len);
	struct text line = { rest->ptr, end ? (size_t)(end - rest->ptr) : rest->len };

	rest->ptr += line.len + (end != NULL);
	rest->len -= line.len + (end != NULL);
	return line;
}

static bool line_is_comment(struct text line)
{
	size_t at = 0;

	while (at < line.len && strchr(" \t\r", line.ptr[at]))
		at++;
	return at == line.len || line.ptr[at] == '#';
}

bool keys_lines_read(struct text lines, const char *place, struct arena *arena,
		     struct api_keys *keys, struct buf *complaints)
{
	struct text rest = lines;
	char wrong[API_KEY_WRONG_BYTES];
	size_t most = 1, was = complaints->len;

	for (size_t i = 0; i < lines.len; i++)
		most += lines.ptr[i] == '\n';
	*keys = (struct api_keys){ arena_zero(arena, most, sizeof(*keys->keys)), 0 };
	for (unsigned number = 1; rest.len; number++) {
		struct text line = cut_line(&rest);
		struct api_key *key = &keys->keys[keys->count];

		if (line_is_comment(line))
			continue;
		if (!api_key_read(line, arena, key, wrong))
			buf_printf(complaints, "%s:%u: error: %s\n", place, number, wrong);
		else if (++keys->count > KEYS_MAX)
			buf_printf(complaints, "%s:%u: error: more than %d keys\n", place, number,
				   KEYS_MAX);
		key->line = number;
		if (keys->count > KEYS_MAX)
			break;
	}
	return complaints->len == was;
}

/* An id is of one key. */
static bool keys_are_distinct(const char *path, const struct api_keys *keys, struct buf *complaints)
{
	for (size_t i = 1; i < keys->count; i++)
		for (size_t j = 0; j < i; j++) {
			const struct api_key *key = &keys->keys[i], *before = &keys->keys[j];

			if (!text_equal(key->id, before->id))
				continue;
			buf_printf(complaints, "%s:%u: error: key %.*s is in line %u already\n",
				   path, key->line, (int)key->id.len, key->id.ptr, before->line);
			return false;
		}
	return true;
}

static void keys_file_mode(const char *path, struct buf *complaints)
{
	struct stat stat_of;

	if (stat(path, &stat_of) != 0 || !S_ISREG(stat_of.st_mode))
		return;
	if (stat_of.st_mode & (S_IWGRP | S_IWOTH))
		buf_printf(complaints, "%s: warning: its mode is %04o: %s may write keys into it\n",
			   path, (unsigned)stat_of.st_mode & 07777,
			   stat_of.st_mode & S_IWOTH ? "all users of this machine"
						     : "others of its group");
	else if (stat_of.st_uid != 0 && stat_of.st_uid != geteuid())
		buf_printf(complaints,
			   "%s: warning: it belongs to user %u, neither the one that serves nor "
			   "root, who may write keys into it\n",
			   path, (unsigned)stat_of.st_uid);
}

struct text keys_file_read(const char *path, struct arena *arena, struct api_keys *keys,
			   struct buf *complaints)
{
	char reason[256];
	const char *lines = config_slurp(path, arena, reason, sizeof(reason));

	if (!lines) {
		buf_printf(complaints, "error: %s\n", reason);
		return (struct text){ NULL, 0 };
	}
	if (!keys_lines_read(text_of(lines), path, arena, keys, complaints) ||
	    !keys_are_distinct(path, keys, complaints))
		return (struct text){ NULL, 0 };
	keys_file_mode(path, complaints);
	return text_of(lines);
}
