/* SPDX-License-Identifier: Apache-2.0 */
/* Rights first, then listen(2): no client connects that may not. */
#include "http/socket/unix_socket.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define UNIX_SOCKET_SCHEME "unix:"
#define UNIX_SOCKET_MODE 0660
#define UNIX_SOCKET_BACKLOG 4096
#define UNIX_SOCKET_LOCK_TRIES 50
#define UNIX_SOCKET_LOCK_PAUSE_NS 20000000
#define UNIX_SOCKET_NAMES_BYTES 16384 /* of an entry of the password or group database */

bool unix_socket_is_meant(const char *address)
{
	return strncmp(address, UNIX_SOCKET_SCHEME, strlen(UNIX_SOCKET_SCHEME)) == 0;
}

/* --- as it is written ------------------------------------------------------------------------- */

static bool unix_socket_number(const char *text, int base, unsigned long max, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, base);
	return text[0] >= '0' && text[0] <= '9' && !*end && errno == 0 && *number <= max;
}

static bool unix_socket_owner(const char *name, uid_t *owner)
{
	char room[UNIX_SOCKET_NAMES_BYTES];
	struct passwd entry, *found = NULL;
	unsigned long number;

	if (unix_socket_number(name, 10, UINT32_MAX - 1, &number)) {
		*owner = (uid_t)number;
		return true;
	}
	if (getpwnam_r(name, &entry, room, sizeof(room), &found) != 0 || !found)
		return false;
	*owner = entry.pw_uid;
	return true;
}

static bool unix_socket_group(const char *name, gid_t *group)
{
	char room[UNIX_SOCKET_NAMES_BYTES];
	struct group entry, *found = NULL;
	unsigned long number;

	if (unix_socket_number(name, 10, UINT32_MAX - 1, &number)) {
		*group = (gid_t)number;
		return true;
	}
	if (getgrnam_r(name, &entry, room, sizeof(room), &found) != 0 || !found)
		return false;
	*group = entry.gr_gid;
	return true;
}

/* NULL: it was taken; else what is wrong. */
static const char *unix_socket_setting(struct unix_socket *unix_socket, char *name)
{
	char *value = strchr(name, '=');
	unsigned long mode;

	if (!value)
		return "want mode=0660, owner=USER, group=GROUP behind the path, joined by &";
	*value++ = '\0';
	if (strcmp(name, "mode") == 0) {
		if (!unix_socket_number(value, 8, 0777, &mode))
			return "mode: wants octal digits, as in mode=0660";
		unix_socket->mode = (mode_t)mode;
		return NULL;
	}
	if (strcmp(name, "owner") == 0)
		return unix_socket_owner(value, &unix_socket->owner) ? NULL : "owner: no such user";
	if (strcmp(name, "group") == 0)
		return unix_socket_group(value, &unix_socket->group) ? NULL
								     : "group: no such group";
	return "want mode=0660, owner=USER, group=GROUP behind the path, joined by &";
}

static const char *unix_socket_settings(struct unix_socket *unix_socket, const char *text)
{
	char settings[256], *rest = settings, *name;
	const char *wrong = NULL;

	if ((size_t)snprintf(settings, sizeof(settings), "%s", text) >= sizeof(settings))
		return "too much behind the path";
	while (!wrong && (name = strsep(&rest, "&")))
		wrong = unix_socket_setting(unix_socket, name);
	return wrong;
}

bool unix_socket_parse(struct unix_socket *unix_socket, const char *address, char *error,
		       size_t error_room)
{
	const char *path = address + strlen(UNIX_SOCKET_SCHEME);
	size_t len = strcspn(path, "?");
	const char *wrong = NULL;

	assert(unix_socket_is_meant(address));
	*unix_socket = (struct unix_socket){ .mode = UNIX_SOCKET_MODE,
					     .owner = (uid_t)-1,
					     .group = (gid_t)-1 };
	if (path[0] != '/')
		wrong = "want an absolute path, as in unix:/run/cqrsd/api.sock";
	else if (len >= sizeof(unix_socket->path))
		wrong = "the path of a Unix socket has at most 107 bytes";
	else if (path[len] == '?')
		wrong = unix_socket_settings(unix_socket, path + len + 1);
	if (wrong) {
		snprintf(error, error_room, "%s: %s", address, wrong);
		return false;
	}
	memcpy(unix_socket->path, path, len);
	return true;
}

/* --- bound ------------------------------------------------------------------------------------ */

static struct sockaddr_un unix_socket_name(const struct unix_socket *unix_socket)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	memcpy(name.sun_path, unix_socket->path, sizeof(name.sun_path));
	return name;
}

/* The folder, locked; -1: errno. */
static int unix_socket_lock(const struct unix_socket *unix_socket)
{
	const struct timespec pause = { .tv_nsec = UNIX_SOCKET_LOCK_PAUSE_NS };
	const char *slash = strrchr(unix_socket->path, '/');
	char folder[sizeof(unix_socket->path)] = "/";
	int fd, code;

	if (slash > unix_socket->path)
		memcpy(folder, unix_socket->path, (size_t)(slash - unix_socket->path));
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	for (int i = 0; i < UNIX_SOCKET_LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return fd;
		nanosleep(&pause, NULL);
	}
	code = errno;
	close(fd);
	errno = code;
	return -1;
}

/* NULL: the process that made it is dead. A full backlog is an answer, too. */
static const char *unix_socket_life(const struct unix_socket *unix_socket)
{
	struct sockaddr_un name = unix_socket_name(unix_socket);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int code = fd >= 0 && connect(fd, (struct sockaddr *)&name, sizeof(name)) == 0 ? 0 : errno;

	if (fd >= 0)
		close(fd);
	if (code == ECONNREFUSED)
		return NULL;
	return code == 0 || code == EAGAIN ? "Address already in use: another process answers there"
					   : strerror(code);
}

/* What is in the way goes away, if it may. NULL: nothing is there; else why it stays. */
static const char *unix_socket_clear(const struct unix_socket *unix_socket)
{
	const char *life;
	struct stat found;

	if (lstat(unix_socket->path, &found) != 0)
		return errno == ENOENT ? NULL : strerror(errno);
	if (!S_ISSOCK(found.st_mode))
		return "something else than a socket is there";
	life = unix_socket_life(unix_socket);
	if (life)
		return life;
	return unlink(unix_socket->path) == 0 ? NULL : strerror(errno);
}

/* Behind bind(2) it has no more rights than the process; chmod is last, so that it never has. */
static bool unix_socket_bind(struct unix_socket *unix_socket, int fd)
{
	struct sockaddr_un name = unix_socket_name(unix_socket);
	struct stat made;

	if (fchmod(fd, 0600) != 0 || bind(fd, (struct sockaddr *)&name, sizeof(name)) != 0)
		return false;
	if (lstat(unix_socket->path, &made) != 0)
		return false;
	unix_socket->device = made.st_dev;
	unix_socket->inode = made.st_ino;
	if ((unix_socket->owner != (uid_t)-1 || unix_socket->group != (gid_t)-1) &&
	    lchown(unix_socket->path, unix_socket->owner, unix_socket->group) != 0)
		return false;
	return chmod(unix_socket->path, unix_socket->mode) == 0 &&
	       listen(fd, UNIX_SOCKET_BACKLOG) == 0;
}

int unix_socket_listen(struct unix_socket *unix_socket, char *error, size_t error_room)
{
	int lock = unix_socket_lock(unix_socket);
	const char *wrong = lock < 0 ? strerror(errno) : unix_socket_clear(unix_socket);
	int fd = -1;

	if (!wrong) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (fd < 0 || !unix_socket_bind(unix_socket, fd))
			wrong = strerror(errno);
	}
	if (wrong)
		snprintf(error, error_room, "unix:%s: %s", unix_socket->path, wrong);
	if (wrong && fd >= 0) {
		unix_socket_remove(unix_socket);
		close(fd);
		fd = -1;
	}
	if (lock >= 0)
		close(lock);
	return fd;
}

void unix_socket_remove(struct unix_socket *unix_socket)
{
	struct stat found;

	if (unix_socket->inode && lstat(unix_socket->path, &found) == 0 &&
	    found.st_dev == unix_socket->device && found.st_ino == unix_socket->inode)
		(void)!unlink(unix_socket->path);
	unix_socket->inode = 0;
}
