/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Browsers at a listener: what origin.h decides becomes a refusal, the answer to a preflight, or
 * the headers by which a page of a --cors-origin may read the reply. There are no cookies here, so
 * Access-Control-Allow-Credentials is never sent.
 */
#pragma once

#include "base/check.h"
#include "http/head/head.h"

#include <stdbool.h>

struct buf;
struct connection;
struct header_lines;

/*
 * After the guard and the route. False: there is nothing more to take from this request; it was
 * refused, or it is a preflight, whose reply (204) is then complete.
 */
bool cors_take(struct connection *connection, const struct head *head) must_check;
/*
 * For a request that is refused before cors_take: its page may read why, where it is of a
 * --cors-origin and asks under whatever Host.
 */
void cors_note_origin(struct connection *connection, const struct head *head);
/* The same headers as lines, for a reply that is written past the library (http/refusal.h). */
void cors_past_library(struct buf *lines, const struct connection *connection);
/* Adds the headers that are due to any reply of the connection. */
void cors_reply(struct header_lines *lines, const struct connection *connection);
