/* SPDX-License-Identifier: Apache-2.0 */
/* HOST:PORT into a listening socket. */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The descriptor, non-blocking, bound and listening; -1: error says why. [V6]:PORT, :PORT and
 * *:PORT for every address; port 0: the kernel picks. A name is looked up, which may block.
 */
int address_listen(const char *address, bool reuse_port, char *error, size_t error_room) must_check;
/* The port a socket is bound to. */
uint16_t address_port(int fd);
