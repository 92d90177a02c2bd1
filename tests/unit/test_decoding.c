/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a stream, step by step, and that nothing is kept wherever it ends. The libpq is one
 * of this file. */
#include "pg/decoding.h"

#include "base/clock.h"
#include "pg/wire/dialer.h"

#include <libpq-fe.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#define SERVER_US 4242

/* --- a libpq ---------------------------------------------------------------------------------- */

struct pg_result {
	ExecStatusType status;
	const char *cells[4];
	int fields;
};

static struct {
	int fds[2]; /* of the socket; what lies in it makes it ready */
	void (*on_dialed)(void *owner, PGconn *pgconn);
	void *owner;
	char keywords[512];
	unsigned conns, results, copies, dials; /* that there are */
	char sent[1024];                        /* the last statement, or CopyData */
	struct pg_result *answer;               /* of the statement under way */
	bool answered;
	const char *error;
	const char *messages[4096];
	unsigned messages_count, taken;
	bool ended; /* behind the messages */
	unsigned uses, fails_at;
} libpq;

static PGconn *const the_conn = (PGconn *)&libpq;

/* The n-th call that may fail does. */
static bool libpq_fails(void)
{
	return ++libpq.uses == libpq.fails_at;
}

struct dial *dialer_dial(struct dialer *dialer, struct loop *loop, const char *const *keywords,
			 const char *const *values, void (*on_dialed)(void *owner, PGconn *pgconn),
			 void *owner)
{
	size_t len = 0;

	for (size_t i = 0; keywords[i]; i++)
		len += (size_t)snprintf(libpq.keywords + len, sizeof(libpq.keywords) - len,
					"%s=%s;", keywords[i], values[i]);
	libpq.on_dialed = on_dialed;
	libpq.owner = owner;
	libpq.dials++;
	return (struct dial *)&libpq;
}

void dial_forget(struct dial *dial)
{
	libpq.dials--;
}

void PQfinish(PGconn *conn)
{
	if (conn)
		libpq.conns--;
}

void PQclear(PGresult *result)
{
	if (!result)
		return;
	libpq.results--;
	free(result);
}

void PQfreemem(void *memory)
{
	libpq.copies--;
	free(memory);
}

char *PQerrorMessage(const PGconn *conn)
{
	static char text[] = "it is broken\nin two lines";

	return text;
}

char *PQresultErrorMessage(const PGresult *result)
{
	static char text[64];

	snprintf(text, sizeof(text), "%s", libpq.error ? libpq.error : "");
	return text;
}

ConnStatusType PQstatus(const PGconn *conn)
{
	return libpq_fails() ? CONNECTION_BAD : CONNECTION_STARTED;
}

PQnoticeReceiver PQsetNoticeReceiver(PGconn *conn, PQnoticeReceiver receiver, void *arg)
{
	return receiver;
}

int PQsocket(const PGconn *conn)
{
	return libpq.fds[0];
}

PostgresPollingStatusType PQconnectPoll(PGconn *conn)
{
	return libpq_fails() ? PGRES_POLLING_FAILED : PGRES_POLLING_OK;
}

int PQsetnonblocking(PGconn *conn, int on)
{
	return libpq_fails() ? -1 : 0;
}

int PQsendQuery(PGconn *conn, const char *text)
{
	snprintf(libpq.sent, sizeof(libpq.sent), "%s", text);
	libpq.answer = NULL;
	libpq.answered = false;
	return libpq_fails() ? 0 : 1;
}

int PQflush(PGconn *conn)
{
	return 0;
}

int PQconsumeInput(PGconn *conn)
{
	char byte;

	assert_int_equal(read(libpq.fds[0], &byte, 1), 1);
	return libpq_fails() ? 0 : 1;
}

int PQisBusy(PGconn *conn)
{
	return !libpq.answered;
}

PGresult *PQgetResult(PGconn *conn)
{
	PGresult *result = libpq.answer;

	libpq.answer = NULL;
	return result;
}

ExecStatusType PQresultStatus(const PGresult *result)
{
	return result->status;
}

int PQntuples(const PGresult *result)
{
	return result->fields > 0;
}

int PQnfields(const PGresult *result)
{
	return result->fields;
}

char *PQgetvalue(const PGresult *result, int row, int column)
{
	return (char *)result->cells[column];
}

int PQgetCopyData(PGconn *conn, char **bytes, int async)
{
	const char *message;

	if (libpq.taken == libpq.messages_count)
		return libpq.ended ? -1 : 0;
	if (libpq_fails())
		return -2;
	message = libpq.messages[libpq.taken++];
	*bytes = strdup(message);
	libpq.copies++;
	return (int)strlen(message);
}

int PQputCopyData(PGconn *conn, const char *bytes, int count)
{
	snprintf(libpq.sent, sizeof(libpq.sent), "%.*s", count, bytes);
	return 1;
}

/* --- the story -------------------------------------------------------------------------------- */

struct story {
	struct loop *loop;
	struct node node;
	struct decoding decoding;
	uint32_t timeline;
	uint64_t begun;
	unsigned messages, turns, closed;
	char why[256];
};

static struct story *story_of(struct decoding *decoding)
{
	return container_of(decoding, struct story, decoding);
}

static void story_on_begun(struct decoding *decoding, uint32_t timeline, uint64_t lsn)
{
	story_of(decoding)->timeline = timeline;
	story_of(decoding)->begun = lsn;
}

static bool story_on_message(struct decoding *decoding, struct text message)
{
	story_of(decoding)->messages++;
	return !text_is(message, "strange");
}

static void story_on_turn(struct decoding *decoding)
{
	story_of(decoding)->turns++;
}

static void story_on_closed(struct decoding *decoding, const char *why)
{
	story_of(decoding)->closed++;
	snprintf(story_of(decoding)->why, sizeof(story_of(decoding)->why), "%s", why);
}

static const struct decoding_owner story_owner = {
	.on_begun = story_on_begun,
	.on_message = story_on_message,
	.on_turn = story_on_turn,
	.on_closed = story_on_closed,
};

static char *story_keywords[] = { "host", "options", "application_name", NULL };
static char *story_values[] = { "db", "-c a=b", "cqrsd", NULL };

static int begin(void **state)
{
	struct story *story = calloc(1, sizeof(*story));

	assert_non_null(story);
	memset(&libpq, 0, sizeof(libpq));
	assert_int_equal(pipe(libpq.fds), 0);
	story->loop = loop_new("story");
	loop_fake_clock(story->loop, US_PER_S);
	story->node.keywords = story_keywords;
	story->node.values = story_values;
	decoding_init(&story->decoding, story->loop, &story_owner, "SELECT check", "some");
	*state = story;
	return 0;
}

static int end(void **state)
{
	struct story *story = *state;

	decoding_fini(&story->decoding);
	loop_free(story->loop);
	close(libpq.fds[0]);
	close(libpq.fds[1]);
	assert_int_equal(libpq.conns, 0);
	assert_int_equal(libpq.results, 0);
	assert_int_equal(libpq.copies, 0);
	assert_int_equal(libpq.dials, 0);
	free(story);
	return 0;
}

static void turn(struct story *story)
{
	loop_turn(story->loop, 0);
}

static void dialed(struct story *story)
{
	libpq.dials--;
	libpq.conns++;
	libpq.on_dialed(libpq.owner, the_conn);
}

static void ready(struct story *story)
{
	assert_int_equal(write(libpq.fds[1], "x", 1), 1);
	turn(story);
}

static void answers(struct story *story, ExecStatusType status, int fields, const char *a,
		    const char *b, const char *c, const char *d)
{
	struct pg_result *result = calloc(1, sizeof(*result));

	if (story->decoding.state == DECODING_CLOSED) {
		free(result);
		return;
	}
	assert_non_null(result);
	*result = (struct pg_result){ status, { a, b, c, d }, fields };
	libpq.results++;
	libpq.answer = result;
	libpq.answered = true;
	ready(story);
	if (libpq.answer) {
		PQclear(libpq.answer);
		libpq.answer = NULL;
	}
}

/* The socket of a pipe's end to read from is never ready to be written to. */
static void connected(struct story *story)
{
	struct loop_watch *watch = &story->decoding.watch;

	if (story->decoding.state == DECODING_CONNECTING)
		watch->on_ready(watch, EPOLLOUT);
}

static void open_it(struct story *story)
{
	decoding_open(&story->decoding, &story->node, SERVER_US);
	dialed(story);
	connected(story);
}

static void checked(struct story *story)
{
	open_it(story);
	answers(story, PGRES_TUPLES_OK, 4, "", "4242", "f", "-77");
}

static void streaming(struct story *story)
{
	checked(story);
	answers(story, PGRES_TUPLES_OK, 4, "7", "3", "0/1", "shop");
	answers(story, PGRES_TUPLES_OK, 4, "a", "1/2A", "", "pgoutput");
	answers(story, PGRES_COPY_BOTH, 0, NULL, NULL, NULL, NULL);
}

static void sends(struct story *story, const char *message)
{
	libpq.messages[libpq.messages_count++] = message;
}

static void each_answer_brings_the_next_statement(void **state)
{
	struct story *story = *state;
	char expected[256];

	open_it(story);
	assert_string_equal(libpq.sent, "SELECT check");
	assert_non_null(strstr(libpq.keywords, "replication=database;"));
	assert_non_null(strstr(libpq.keywords, "application_name=cqrsd_feed;"));
	assert_non_null(strstr(libpq.keywords, "options=-c a=b -c wal_sender_timeout="));
	assert_null(strstr(libpq.keywords, "application_name=cqrsd;"));
	answers(story, PGRES_TUPLES_OK, 4, "", "4242", "f", "-77");
	assert_int_equal(story->decoding.checked, -77);
	assert_string_equal(libpq.sent, "IDENTIFY_SYSTEM");
	answers(story, PGRES_TUPLES_OK, 4, "7", "3", "0/1", "shop");
	snprintf(expected, sizeof(expected),
		 "CREATE_REPLICATION_SLOT \"%s\" TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT",
		 story->decoding.slot);
	assert_string_equal(libpq.sent, expected);
	answers(story, PGRES_TUPLES_OK, 4, "a", "1/2A", "", "pgoutput");
	assert_int_equal(story->timeline, 3);
	assert_int_equal(story->begun, 0x10000002a);
	assert_non_null(strstr(libpq.sent, "publication_names 'some'"));
	answers(story, PGRES_COPY_BOTH, 0, NULL, NULL, NULL, NULL);
	assert_int_equal(story->decoding.state, DECODING_STREAMING);
	decoding_send(&story->decoding, TEXT("status"));
	assert_string_equal(libpq.sent, "status");
	assert_int_equal(story->closed, 0);
}

static void what_the_check_finds_wrong_is_why_it_ends(void **state)
{
	struct story *story = *state;

	open_it(story);
	answers(story, PGRES_TUPLES_OK, 4, "wal_level is replica", "4242", "f", "0");
	assert_int_equal(story->closed, 1);
	assert_string_equal(story->why, "wal_level is replica");
}

static void another_server_is_left(void **state)
{
	struct story *story = *state;

	open_it(story);
	answers(story, PGRES_TUPLES_OK, 4, "", "4243", "f", "0");
	assert_string_equal(story->why, "its address leads to another server");
}

static void a_standby_is_left(void **state)
{
	struct story *story = *state;

	open_it(story);
	answers(story, PGRES_TUPLES_OK, 4, "", "4242", "t", "0");
	assert_string_equal(story->why, "it is a standby");
}

static void an_error_of_the_server_ends_it(void **state)
{
	struct story *story = *state;

	checked(story);
	libpq.error = "ERROR:  all replication slots are in use\nHINT:  free one";
	answers(story, PGRES_FATAL_ERROR, 0, NULL, NULL, NULL, NULL);
	assert_int_equal(story->closed, 1);
	assert_string_equal(story->why, "ERROR:  all replication slots are in use");
}

static void messages_are_handed_over(void **state)
{
	struct story *story = *state;

	streaming(story);
	sends(story, "one");
	sends(story, "two");
	ready(story);
	assert_int_equal(story->messages, 2);
	sends(story, "strange");
	ready(story);
	assert_int_equal(story->closed, 1);
	assert_string_equal(story->why, "it sends what cannot be read");
}

static void many_take_several_turns(void **state)
{
	struct story *story = *state;

	streaming(story);
	for (unsigned i = 0; i < 2500; i++)
		sends(story, "one");
	ready(story);
	assert_in_range(story->messages, 1000, 2000);
	turn(story);
	turn(story);
	assert_int_equal(story->messages, 2500);
}

static void a_stream_that_ends_says_why(void **state)
{
	struct story *story = *state;

	streaming(story);
	libpq.ended = true;
	ready(story);
	assert_int_equal(story->closed, 1);
	assert_string_equal(story->why, "the server has ended it");
}

static void silence_ends_each_step_but_the_making_of_the_slot(void **state)
{
	struct story *story = *state;

	checked(story);
	answers(story, PGRES_TUPLES_OK, 4, "7", "3", "0/1", "shop");
	assert_int_equal(story->decoding.state, DECODING_CREATING);
	loop_fake_clock(story->loop, loop_now(story->loop) + 3600 * US_PER_S);
	turn(story);
	assert_int_equal(story->closed, 0);
	answers(story, PGRES_TUPLES_OK, 4, "a", "1/2A", "", "pgoutput");
	answers(story, PGRES_COPY_BOTH, 0, NULL, NULL, NULL, NULL);
	loop_fake_clock(story->loop, loop_now(story->loop) + 9 * US_PER_S);
	turn(story);
	sends(story, "one");
	ready(story);
	loop_fake_clock(story->loop, loop_now(story->loop) + 9 * US_PER_S);
	turn(story);
	assert_int_equal(story->closed, 0);
	loop_fake_clock(story->loop, loop_now(story->loop) + 2 * US_PER_S);
	turn(story);
	assert_int_equal(story->closed, 1);
	assert_string_equal(story->why, "it does not answer");
}

static void one_that_is_closed_while_it_is_dialed_is_forgotten(void **state)
{
	struct story *story = *state;

	decoding_open(&story->decoding, &story->node, SERVER_US);
	decoding_close(&story->decoding);
	assert_int_equal(story->closed, 0);
	open_it(story);
	assert_int_equal(story->decoding.state, DECODING_CHECKING);
}

/* end() sees what is left over. */
static void whichever_call_fails_it_ends_once(void **state)
{
	struct story *story = *state;
	unsigned calls;

	streaming(story);
	sends(story, "one");
	ready(story);
	calls = libpq.uses;
	assert_in_range(calls, 8, 30);
	for (unsigned i = 1; i <= calls; i++) {
		decoding_close(&story->decoding);
		libpq.uses = 0;
		libpq.fails_at = i;
		libpq.taken = libpq.messages_count = 0;
		story->closed = 0;
		streaming(story);
		if (story->decoding.state == DECODING_STREAMING) {
			sends(story, "one");
			ready(story);
		}
		assert_int_equal(story->closed, 1);
		assert_string_equal(story->why, "it is broken");
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(each_answer_brings_the_next_statement),
		TEST(what_the_check_finds_wrong_is_why_it_ends),
		TEST(another_server_is_left),
		TEST(a_standby_is_left),
		TEST(an_error_of_the_server_ends_it),
		TEST(messages_are_handed_over),
		TEST(many_take_several_turns),
		TEST(a_stream_that_ends_says_why),
		TEST(silence_ends_each_step_but_the_making_of_the_slot),
		TEST(one_that_is_closed_while_it_is_dialed_is_forgotten),
		TEST(whichever_call_fails_it_ends_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
