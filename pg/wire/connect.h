/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a conn comes to be: the dialer's thread begins it, libpq goes on with it on the loop's
 * socket, the handshake looks at what it has reached. From then on what the socket brings is
 * handed to pg/wire/answer.c. No function waits.
 */
#pragma once

#include <stdbool.h>

struct conn;

/*
 * Leaves CLOSED; the owner hears of it as on_ready or on_closed, never from inside. read_only: its
 * session may not write. Where a pooler refuses the startup parameter "options", the conn closes
 * as CLOSING_UNUSED, and the next one is opened without.
 */
void connect_open(struct conn *conn, bool read_only);
