/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers requests whose Content-Length is no number in place of libmicrohttpd before 1.0: it
 * refuses them before the first handler call, and sends the head of its reply twice. All that it
 * lets us have is its log message, given in the middle of it.
 */
#pragma once

struct listener;

/* A message of the library was logged: is it about such a request? Then answers, and ends it. */
void misframed_on_log(struct listener *listener, const char *format);
