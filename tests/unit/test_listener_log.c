/* SPDX-License-Identifier: Apache-2.0 */
/* links: http_client.c http_fixture.c */
/* What the log says of many answers that fail, and of many connections that are refused. */
#include "http_fixture.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/repeats.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define REQUEST "GET /v1/queries/one HTTP/1.1\r\n" HOST "\r\n"

static FILE *lines;
static int error_output;

static void refuse(struct request *request, void *arg)
{
	request->outcome = OUTCOME_QUEUE_FULL;
	request->detail = "no room";
	request->done_us = loop_now(request->loop);
	request->on_done(request);
}

static int start(void **state)
{
	struct listener_settings settings = { .handlers = { refuse, NULL }, .connections_max = 1 };

	repeats_forget();
	fixture_start(state);
	fixture_listen(&settings);
	lines = tmpfile();
	error_output = dup(STDERR_FILENO);
	log_setup(LOG_WARN, LOG_HUMAN);
	dup2(fileno(lines), STDERR_FILENO);
	return 0;
}

static int stop(void **state)
{
	dup2(error_output, STDERR_FILENO);
	close(error_output);
	log_setup(LOG_ERROR, LOG_HUMAN);
	fclose(lines);
	return fixture_stop(state);
}

static unsigned lines_with(const char *words)
{
	char line[512];
	unsigned count = 0;

	rewind(lines);
	while (fgets(line, sizeof(line), lines))
		count += strstr(line, words) != NULL;
	return count;
}

static void ask(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		http_client_say(&fixture.client, REQUEST);
		assert_int_equal(http_client_read(&fixture.client)->status, 503);
	}
}

static void many_answers_that_fail_are_summed_up(void **state)
{
	ask(30);
	assert_int_equal(lines_with("no room"), 10);
	fixture_pass(US_PER_S);
	ask(1);
	assert_int_equal(lines_with("no room"), 11);
	assert_int_equal(lines_with("no room (again, 21 times in the last 1 s)"), 1);
}

static void connect_and_be_refused(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		struct http_client another;

		http_client_open(&another, fixture.loop, listener_port(fixture.listener));
		http_client_say(&another, REQUEST);
		assert_int_equal(http_client_read(&another)->status, 503);
		http_client_close(&another);
	}
}

static void many_connections_that_are_refused_are_summed_up(void **state)
{
	ask(1);
	connect_and_be_refused(5);
	assert_int_equal(lines_with("connections are refused: connections-max"), 1);
	fixture_pass(US_PER_S);
	connect_and_be_refused(1);
	assert_int_equal(lines_with("connections are refused: connections-max"), 2);
	assert_int_equal(lines_with("connections-max (again, 5 times in the last 1 s)"), 1);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		STORY(many_answers_that_fail_are_summed_up),
		STORY(many_connections_that_are_refused_are_summed_up),
	};

	return cmocka_run_group_tests_name("listener_log", tests, NULL, NULL);
}
