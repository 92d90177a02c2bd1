/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a proxy says of its client, in headers that count only where it came over a Unix socket and
 * --peer names it a proxy; from others they are what a client says of itself, and are not read.
 *
 *   X-Forwarded-For   the address of the client: the last element of the last one, which is the
 *                     one that the proxy itself has written
 *   X-Client-Cert     the subject of the client's certificate, which the proxy has verified; once
 */
#pragma once

struct connection;
struct head;

/* Into request->address, and what only the audit log needs, into the exchange. */
void forwarded_take(struct connection *connection, const struct head *head);
