/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys of a file. A change writes a new file beside it and renames it, so that a service that reads
 * it meanwhile sees the old lines or the new ones; comments stay. A file with errors is left alone.
 */
#include "cmd/keys_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The file while an action works on it. */
struct keys_text {
	const char *path;
	struct text text;
	struct api_keys keys;
};

static bool keys_file_is_stdout(const struct keys_work *work)
{
	return strcmp(work->options->key_file, "-") == 0;
}

/* may_lack: a file that is not there is an empty one. */
static bool keys_file_open(struct keys_work *work, struct keys_text *file, bool may_lack)
{
	struct buf complaints;

	*file = (struct keys_text){ .path = work->options->key_file, .text = TEXT("") };
	if (keys_file_is_stdout(work)) {
		fprintf(stderr, "cqrsd keys: --file -: only create prints a line\n");
		return false;
	}
	if (may_lack && access(file->path, F_OK) != 0 && errno == ENOENT)
		return true;
	buf_init(&complaints);
	file->text = keys_file_read(file->path, &work->arena, &file->keys, &complaints);
	fprintf(stderr, "%.*s", (int)complaints.len, complaints.ptr ? complaints.ptr : "");
	buf_fini(&complaints);
	return file->text.ptr != NULL;
}

/* --- writing --------------------------------------------------------------------------------- */

static bool keys_write_all(int fd, const struct buf *text)
{
	size_t at = 0;

	while (at < text->len) {
		ssize_t written = write(fd, text->ptr + at, text->len - at);

		if (written < 0)
			return false;
		at += (size_t)written;
	}
	return fsync(fd) == 0;
}

/* Mode and owner as they were; 0600 where it is new. */
static bool keys_file_keep_mode(int fd, const char *path)
{
	struct stat was;

	if (stat(path, &was) != 0)
		return errno == ENOENT;
	if (fchmod(fd, was.st_mode & 07777) != 0)
		return false;
	return was.st_uid == geteuid() || fchown(fd, was.st_uid, was.st_gid) == 0;
}

static bool keys_file_save(const struct keys_text *file, const struct buf *text)
{
	/* A link is followed, not replaced. */
	char *real = realpath(file->path, NULL);
	const char *path = real ? real : file->path;
	char fresh[4096];
	bool done = false;
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.XXXXXX", path);
	fd = mkstemp(fresh);
	if (fd >= 0)
		done = keys_file_keep_mode(fd, path) && keys_write_all(fd, text) &&
		       rename(fresh, path) == 0;
	if (!done)
		fprintf(stderr, "cqrsd keys: %s cannot be written: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && !done)
		unlink(fresh);
	free(real);
	return done;
}

/* The text with that line written anew from its key, and one more line where more is not NULL. */
static void keys_file_edit(const struct keys_text *file, const struct api_key *changed,
			   const struct api_key *more, struct buf *text)
{
	const char *at = file->text.ptr, *end = at + file->text.len;

	for (unsigned line = 1; at < end; line++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const char *behind = stop ? stop : end;

		if (changed && line == changed->line)
			api_key_write(changed, text);
		else
			buf_add(text, at, (size_t)(behind - at));
		buf_byte(text, '\n');
		at = behind + 1;
	}
	if (!more)
		return;
	api_key_write(more, text);
	buf_byte(text, '\n');
}

static void keys_file_result(struct keys_work *work, const struct api_key *key)
{
	if (work->lines.len)
		buf_byte(&work->lines, '\n');
	api_key_write(key, &work->lines);
}

static bool keys_file_change(struct keys_work *work, const struct keys_text *file,
			     const struct api_key *changed, const struct api_key *more)
{
	struct buf text;
	bool done;

	buf_init(&text);
	keys_file_edit(file, changed, more, &text);
	done = keys_file_save(file, &text);
	buf_fini(&text);
	if (changed)
		keys_file_result(work, changed);
	if (more)
		keys_file_result(work, more);
	return done;
}

/* --- actions --------------------------------------------------------------------------------- */

static bool keys_file_create(struct keys_work *work)
{
	struct keys_text file;

	if (keys_file_is_stdout(work)) {
		keys_file_result(work, &work->made);
		return true;
	}
	return keys_file_open(work, &file, true) &&
	       keys_file_change(work, &file, NULL, &work->made);
}

static bool keys_file_list(struct keys_work *work)
{
	struct keys_text file;

	if (!keys_file_open(work, &file, false))
		return false;
	for (size_t i = 0; i < file.keys.count; i++)
		keys_file_result(work, &file.keys.keys[i]);
	return true;
}

/* NULL: there is none that may be changed, and it was said why. */
static struct api_key *keys_file_find(struct keys_work *work, const struct keys_text *file,
				      const char *action)
{
	struct api_key *key = NULL;
	bool rotates = strcmp(action, "rotate") == 0;

	for (size_t i = 0; i < file->keys.count; i++)
		if (text_is(file->keys.keys[i].id, work->id))
			key = &file->keys.keys[i];
	if (key && !key->revoked_s &&
	    (!rotates || (keys_is_good(work, key) && !key->replaced_by.ptr)))
		return key;
	keys_refuse(work, action, key, &file->keys);
	return NULL;
}

static bool keys_file_rotate(struct keys_work *work)
{
	struct keys_text file;
	struct api_key *old, *made = &work->made;
	int64_t over_s = work->now_s + work->overlap_s;

	if (!keys_file_open(work, &file, false))
		return false;
	old = keys_file_find(work, &file, "rotate");
	if (!old)
		return false;
	made->name = old->name;
	made->roles = old->roles;
	made->roles_count = old->roles_count;
	made->acts_for = old->acts_for;
	made->created_s = work->now_s;
	if (work->expires_s >= 0)
		made->expires_s = work->now_s + work->expires_s;
	else if (old->expires_s && old->created_s)
		made->expires_s = work->now_s + (old->expires_s - old->created_s);
	old->replaced_by = made->id;
	if (!old->expires_s || old->expires_s > over_s)
		old->expires_s = over_s;
	return keys_file_change(work, &file, old, made);
}

static bool keys_file_revoke(struct keys_work *work)
{
	struct keys_text file;
	struct api_key *key;

	if (!keys_file_open(work, &file, false))
		return false;
	key = keys_file_find(work, &file, "revoke");
	if (!key)
		return false;
	key->revoked_s = work->now_s;
	return keys_file_change(work, &file, key, NULL);
}

const struct keys_place keys_file = {
	.create = keys_file_create,
	.list = keys_file_list,
	.rotate = keys_file_rotate,
	.revoke = keys_file_revoke,
};
