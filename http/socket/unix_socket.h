/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unix:PATH?mode=0660&owner=USER&group=GROUP as a listening socket. The file has its rights
 * before a client can connect. What an instance that died has left is replaced; a path at which a
 * process answers, or at which there is something else than a socket, is refused. While it is bound
 * the folder is locked (flock), so that of two instances that start at once one is refused. Main
 * thread.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

struct unix_socket {
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	mode_t mode; /* 0660 unless given */
	uid_t owner; /* (uid_t)-1: who runs the process */
	gid_t group; /* (gid_t)-1: likewise */
	dev_t device;
	ino_t inode; /* of the file that was made; 0: none was */
};

/* Does the address name a Unix socket? */
bool unix_socket_is_meant(const char *address) must_check;
/* False: error says what is wrong with it. Looks up the names of owner and group. */
bool unix_socket_parse(struct unix_socket *unix_socket, const char *address, char *error,
		       size_t error_room) must_check;
/*
 * The descriptor, non-blocking, bound and listening, as parsed; -1: error says why. Waits for the
 * lock of the folder for a second at most.
 */
int unix_socket_listen(struct unix_socket *unix_socket, char *error, size_t error_room) must_check;
/*
 * Takes the file away, unless it is not the one that was made. Connections are not touched. Before
 * the descriptor is closed: until then no other file gets the number of this one.
 */
void unix_socket_remove(struct unix_socket *unix_socket);
