/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of the listener start with: a loop whose clock stands still, a listener on a port
 * of the kernel's choice, one client, and a router that echoes, at once or when it is told to.
 */
#pragma once

#include "http/http.h"
#include "http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HOST "Host: shop.example\r\n"
#define JSON "Content-Type: application/json\r\n"
#define REQUEST_TIMEOUT_US 5000000
#define IDLE_TIMEOUT_US 60000000

struct fixture {
	struct loop *loop;
	struct metrics *metrics;
	struct listener *listener;
	struct http_client client;
	int64_t now_us;
	bool hold; /* requests wait until the test finishes them */
	struct request *held[8];
	unsigned held_count;
	unsigned gone; /* how often a client was reported gone */
};

extern struct fixture fixture;

/* The loop, without a listener. */
int fixture_start(void **state);
/* And an API listener with the echoing router. */
int fixture_start_api(void **state);
/* The same, where a page of https://shop.example may ask, and the test answers each request. */
int fixture_start_holding(void **state);
int fixture_stop(void **state);
/* Handlers or pages are set; the rest is filled here. */
void fixture_listen(struct listener_settings *settings);

/* The router: as listener_handlers.on_request, and the end of a request that it held. */
void fixture_take(struct request *request, void *arg);
void fixture_finish(struct request *request);
/* Rows of JSON, cut off at so many bytes: they become about a quarter as gzip. */
void fixture_fill(struct buf *body, size_t bytes);
/* Turns until the router holds that many requests. */
void fixture_wait_held(unsigned count);

/* Some turns in which nothing but what is ready happens. */
void fixture_turn(void);
/* Time passes. */
void fixture_pass(int64_t us);
void fixture_assert_problem(const struct http_reply *reply, unsigned status, const char *code);
