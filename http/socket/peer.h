/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is at the other end of a Unix socket: the uid by which it connected (SO_PEERCRED), asked of
 * the kernel once for a connection. It travels where the address of a TCP client does, as the
 * path of a struct sockaddr_un, "uid:1000".
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

/* The peer of a connected socket as an address. False: it is no Unix socket. */
bool peer_address(int fd, struct sockaddr_un *address) must_check;
/* False: it is not an address of a peer. */
bool peer_uid(const struct sockaddr *address, uid_t *uid) must_check;
