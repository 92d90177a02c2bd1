/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading: finds the files, reads them in the order of their paths, and makes a catalog of what
 * they hold, or none at all.
 */
#include "catalog/loading.h"

#include "base/log.h"
#include "catalog/deprecated_option.h"
#include "catalog/refresh_options.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder on the way down; the same one again above itself is a loop of symlinks. */
struct folder {
	const struct folder *parent;
	dev_t device;
	ino_t inode;
	unsigned depth;
};

struct listing {
	struct loading *loading;
	const char *dir;
	const char *files[CATALOG_FILES_MAX]; /* relative to dir */
	unsigned count;
	bool full;
};

static void list_folder(struct listing *listing, const char *path, const char *name,
			const struct folder *parent);

static bool ends_with_sql(const char *name)
{
	size_t len = strlen(name);

	return len > 4 && strcmp(name + len - 4, ".sql") == 0;
}

static void list_file(struct listing *listing, const char *name)
{
	if (listing->count < CATALOG_FILES_MAX) {
		listing->files[listing->count++] = name;
		return;
	}
	if (!listing->full)
		complain(&listing->loading->complaints, listing->dir, "more than %d .sql files",
			 CATALOG_FILES_MAX);
	listing->full = true;
}

/* name: of the folder, relative to the catalog's; "" for that one itself. */
static void list_entry(struct listing *listing, const char *name, const char *entry,
		       const struct folder *folder)
{
	struct arena *arena = &listing->loading->arena;
	char *child = arena_printf(arena, "%s%s%s", name, *name ? "/" : "", entry);
	char *path = arena_printf(arena, "%s/%s", listing->dir, child);
	struct stat found;

	if (stat(path, &found) != 0) {
		if (ends_with_sql(entry))
			complain(&listing->loading->complaints, child, "%s", strerror(errno));
		return;
	}
	if (S_ISDIR(found.st_mode))
		list_folder(listing, path, child, folder);
	else if (ends_with_sql(entry) && S_ISREG(found.st_mode))
		list_file(listing, child);
	else if (ends_with_sql(entry))
		complain(&listing->loading->complaints, child, "is not a file");
}

static bool folder_is_loop(const struct folder *folder)
{
	for (const struct folder *above = folder->parent; above; above = above->parent)
		if (above->device == folder->device && above->inode == folder->inode)
			return true;
	return false;
}

static void list_folder(struct listing *listing, const char *path, const char *name,
			const struct folder *parent)
{
	struct folder folder = { .parent = parent, .depth = parent ? parent->depth + 1 : 0 };
	const char *called = *name ? name : path;
	struct dirent *entry;
	struct stat found;
	DIR *dir = opendir(path);

	if (!dir || fstat(dirfd(dir), &found) != 0) {
		complain(&listing->loading->complaints, called, "%s", strerror(errno));
		goto close;
	}
	folder.device = found.st_dev;
	folder.inode = found.st_ino;
	if (folder_is_loop(&folder))
		goto close;
	if (folder.depth > CATALOG_DEPTH_MAX) {
		complain(&listing->loading->complaints, called, "more than %d folders deep",
			 CATALOG_DEPTH_MAX);
		goto close;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.') /* hidden ones are not the author's */
			list_entry(listing, name, entry->d_name, &folder);
close:
	if (dir)
		closedir(dir);
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* False: errno says why it could not be read. EFBIG: too large. */
static bool read_whole(int fd, struct buf *out)
{
	for (;;) {
		char *room = buf_reserve(out, 65536);
		ssize_t got = read(fd, room, 65536);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got == 0;
		out->len += (size_t)got;
		if (out->len > CATALOG_FILE_BYTES_MAX) {
			errno = EFBIG;
			return false;
		}
	}
}

static void load_file(struct loading *loading, const char *dir, const char *name, struct buf *bytes)
{
	char *path = arena_printf(&loading->arena, "%s/%s", dir, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	buf_clear(bytes);
	if (fd < 0)
		complain(&loading->complaints, name, "%s", strerror(errno));
	else if (read_whole(fd, bytes))
		file_read(loading, name, (struct text){ bytes->ptr, bytes->len });
	else if (errno == EFBIG)
		complain(&loading->complaints, name, "larger than %d bytes",
			 CATALOG_FILE_BYTES_MAX);
	else
		complain(&loading->complaints, name, "%s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

static void load_dir(struct loading *loading, const char *dir)
{
	struct listing *listing = calloc(1, sizeof(*listing));
	struct buf bytes;

	if (!listing)
		log_fatal("catalog", "out of memory");
	listing->loading = loading;
	listing->dir = dir;
	list_folder(listing, dir, "", NULL);
	qsort(listing->files, listing->count, sizeof(listing->files[0]), compare_files);
	buf_init(&bytes);
	for (unsigned i = 0; i < listing->count; i++)
		load_file(loading, dir, listing->files[i], &bytes);
	buf_fini(&bytes);
	free(listing);
}

/* By name, then in the order of reading. */
static int compare_operations(const void *a, const void *b)
{
	const struct operation *one = a, *other = b;
	int by_name = strcmp(one->name, other->name);

	if (by_name != 0)
		return by_name;
	return one->index < other->index ? -1 : one->index > other->index;
}

static void load_sort(struct loading *loading)
{
	struct operation *operations = loading->operations;

	for (unsigned i = 0; i < loading->count; i++)
		operations[i].index = i;
	if (loading->count > 0)
		qsort(operations, loading->count, sizeof(*operations), compare_operations);
	for (unsigned i = 1; i < loading->count; i++) {
		const struct place *first = &operations[i - 1].place;

		if (*operations[i].name && !strcmp(operations[i].name, operations[i - 1].name))
			complain_at(&loading->complaints, operations[i].place,
				    "\"%.*s\" is the name of another operation already, at %s:%u",
				    source_shown(text_of(operations[i].name)), operations[i].name,
				    first->file, first->line);
	}
}

static bool same_types(const struct statement *a, const struct statement *b)
{
	if (a->params != b->params)
		return false;
	for (unsigned i = 0; i < a->params; i++) {
		const char *one = a->param_types[i], *other = b->param_types[i];

		if (!one != !other || (one && strcmp(one, other) != 0))
			return false;
	}
	return true;
}

/* The id of the same statement in the catalog before, so that conns need not prepare it again. */
static uint32_t statement_id(const struct operation *operation, const struct catalog *previous)
{
	const struct operation *before =
		previous ? catalog_find(previous, operation->kind, text_of(operation->name)) : NULL;

	if (before && !strcmp(before->statement->text, operation->statement->text) &&
	    same_types(before->statement, operation->statement))
		return before->statement->id;
	return statement_next_id();
}

static struct catalog *load_catalog(struct loading *loading, const struct catalog *previous)
{
	struct catalog *catalog = calloc(1, sizeof(*catalog));

	if (!catalog)
		log_fatal("catalog", "out of memory");
	catalog->holders = 1;
	catalog->count = loading->count;
	catalog->operations =
		arena_zero(&loading->arena, loading->count + 1, sizeof(*catalog->operations));
	for (unsigned i = 0; i < loading->count; i++) {
		struct operation *operation = &catalog->operations[i];

		*operation = loading->operations[i];
		operation->index = i;
		operation->statement->id = statement_id(operation, previous);
		catalog->refreshes |= operation->refreshes_count > 0;
	}
	catalog->notes = (struct text){ "", 0 };
	if (loading->notes.len > 0)
		catalog->notes = arena_text(
			&loading->arena, (struct text){ loading->notes.ptr, loading->notes.len });
	catalog->arena = loading->arena;
	return catalog;
}

static void load_begin(struct loading *loading, struct buf *errors)
{
	*loading = (struct loading){ .complaints = { .lines = errors } };
	arena_init(&loading->arena);
	buf_init(&loading->notes);
}

static struct catalog *load_end(struct loading *loading, const struct catalog *previous)
{
	struct catalog *catalog = NULL;

	load_sort(loading);
	refresh_options_check(loading);
	deprecated_options_check(loading);
	if (loading->complaints.count == 0)
		catalog = load_catalog(loading, previous);
	else
		arena_fini(&loading->arena);
	buf_fini(&loading->notes);
	free(loading->operations);
	return catalog;
}

struct catalog *catalog_load(const char *dir, const struct catalog *previous, struct buf *errors)
{
	struct loading loading;

	load_begin(&loading, errors);
	load_dir(&loading, dir);
	return load_end(&loading, previous);
}

struct catalog *catalog_load_text(const char *file, struct text text, struct buf *errors)
{
	struct loading loading;

	load_begin(&loading, errors);
	file_read(&loading, arena_copy(&loading.arena, file, strlen(file)), text);
	return load_end(&loading, NULL);
}
