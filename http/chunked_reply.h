/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replies that leave while they grow, in chunks. What is to leave next is in request->out;
 * libmicrohttpd asks for it, and is suspended while there is nothing. The request is the router's
 * until its on_done. A reply that is cut off ends without its last chunk, and the connection with
 * it, so that no client takes it for whole.
 */
#pragma once

#include "base/check.h"
#include "base/request.h"

#include <microhttpd.h>

struct connection;
struct connections;

/* As request->on_stream: there is more in out; also when all is over. */
void chunked_reply_on_rows(struct request *request);
/* Begins the reply, inside libmicrohttpd's handler. */
enum MHD_Result chunked_reply_begin(struct connection *connection) must_check;
/* The connection ended amid a reply. */
void chunked_reply_on_lost(struct connection *connection);
/* The client is gone, or takes too little: nothing more is sent. end: for the metric. */
void chunked_reply_cut(struct connection *connection, const char *end, const char *reason);
/* What its reader has taken since it began; unsent: what lies in the kernel for it. Bytes. */
uint64_t chunked_reply_taken(const struct connection *connection, size_t *unsent);
/* Cuts those whose reader has stalled. */
void chunked_replies_sweep(struct connections *connections);
