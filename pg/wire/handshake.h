/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first exchange of each conn: which server is this, is the backend a conn's own, and are
 * the settings as they must be for pg/types/types.c to read cells, and for queries not to write?
 * A name or a balancer may lead one conn to this server and the next one to another; a position
 * belongs to one life of one server, which the start of its postmaster identifies. Settings are
 * asked for with the startup parameter "options" and looked at, since a pooler may drop it.
 * Until they are known, no name is looked up in a schema but pg_catalog.
 *
 *   connected ──► [check] Sync ──as asked──► made
 *                    ▲  └──not──► [set] Sync ──► [check] Sync ──not──► closed
 *                    └── where a pooler stands in between, several times: is it the same backend?
 *
 * Where "options" is refused it is left out. A conn that was set so has lost it after RESET ALL: no
 * groups there.
 */
#pragma once

#include "base/check.h"

#include <stdbool.h>
#include <stddef.h>

#define HANDSHAKE_UNANSWERED "the session could not be asked who it is"

struct conn;

/* The value of "options". given: the operator's, or NULL. */
void handshake_options(const struct conn *conn, const char *given, char *out, size_t room);
/* libpq has connected, in pipeline mode. False: it refused to send. */
bool handshake_send_check(struct conn *conn) must_check;
/* Something came for a conn that is looked at: it is made (conn_made), closed or waits on. */
void handshake_on_input(struct conn *conn);
/* SQL that sets all of it. */
void handshake_set_text(const struct conn *conn, char *out, size_t room);
/* Connecting has failed: because "options" was refused, so that it can be left out? */
bool handshake_can_do_without(const struct conn *conn, const char *message) must_check;
