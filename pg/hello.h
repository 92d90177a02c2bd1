/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first statement of each conn: which server is this? A name or a balancer may lead one conn
 * to this server and the next one to another; a position belongs to one life of one server, which
 * the start of its postmaster identifies.
 */
#pragma once

#include "base/check.h"

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>

enum hello_state { HELLO_WAITS, HELLO_TOLD, HELLO_REFUSED };

/* Of a conn that is made, nonblocking and not in pipeline mode yet. False: it was lost. */
bool hello_ask(PGconn *pgconn) must_check;
/* After whatever came in. TOLD: server_us is the start of its postmaster, microseconds of wall
 * time, and the conn is free again. */
enum hello_state hello_take(PGconn *pgconn, int64_t *server_us) must_check;
