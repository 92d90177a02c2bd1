/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Has the client gone away? A request that has waited for a while is reported to the router
 * (request->on_client_gone), once; a stream is cut off; a connection that will bring no request
 * more is closed. A client may close its side and still wait for the reply: a request that is
 * answered soon is.
 */
#pragma once

struct connection;
struct connections;
struct loop_timer;

/* As connections_owner.on_half_closed. */
void client_gone_on_half_closed(struct connection *connection);
/* As connections_owner.on_watch_due: moves those that have waited for a while to WATCHED. */
void client_gone_on_watch_due(struct loop_timer *watch_timer);
/*
 * Closes those that will bring no more requests. libmicrohttpd overlooks an end that came together
 * with the last bytes: it asks epoll for edges, and stops reading after a short read.
 */
void client_gone_close(struct connections *connections);
