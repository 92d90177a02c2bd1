/* SPDX-License-Identifier: Apache-2.0 */
/* links: jwt_story.c */
/* Key sets from files and from a server on loopback, on a thread of its own. */
#include "base/limits.h"
#include "http/auth/jwks.h"
#include "http/auth/jwks_fetch.h"
#include "jwt_story.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A server that answers each connection with the same bytes, or never. */
static struct {
	int fd;
	char url[64];
	pthread_t thread;
	struct buf reply; /* len 0: it keeps silent */
	atomic_uint asked;
} server;

static void *serve(void *arg)
{
	char request[2048];
	int fd;

	while ((fd = accept(server.fd, NULL, NULL)) >= 0) {
		ssize_t got = read(fd, request, sizeof(request));

		atomic_fetch_add(&server.asked, 1);
		if (got > 0 && server.reply.len)
			(void)!write(fd, server.reply.ptr, server.reply.len);
		else
			(void)!read(fd, request, sizeof(request)); /* until it gives up */
		close(fd);
	}
	return NULL;
}

static void server_start(const char *head, const char *body)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(address);

	buf_init(&server.reply);
	if (head)
		buf_printf(&server.reply, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", head,
			   strlen(body), body);
	atomic_store(&server.asked, 0);
	server.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(server.fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(server.fd, 8), 0);
	assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &len), 0);
	snprintf(server.url, sizeof(server.url), "http://127.0.0.1:%u/keys",
		 ntohs(address.sin_port));
	assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void server_stop(void)
{
	shutdown(server.fd, SHUT_RDWR);
	pthread_join(server.thread, NULL);
	close(server.fd);
	buf_fini(&server.reply);
}

static struct jwks_answer answer;

static bool fetched(const char *head, const char *body)
{
	static const atomic_bool stopping;
	bool good;

	buf_fini(&answer.body);
	buf_init(&answer.body);
	answer.error[0] = '\0';
	answer.max_age_s = -1;
	server_start(head, body);
	good = jwks_fetch(server.url, &stopping, &answer);
	server_stop();
	return good;
}

static void the_body_and_the_max_age_of_a_200_are_fetched(void **state)
{
	assert_true(fetched("200 OK\r\nCache-Control: public\r\ncache-control: max-age=77",
			    JWT_STORY_KEYS));
	assert_int_equal(answer.body.len, strlen(JWT_STORY_KEYS));
	assert_memory_equal(answer.body.ptr, JWT_STORY_KEYS, answer.body.len);
	assert_int_equal(answer.max_age_s, 77);
	assert_true(fetched("200 OK", JWT_STORY_KEYS));
	assert_int_equal(answer.max_age_s, -1);
}

static void anything_but_a_200_is_a_failure_that_is_named(void **state)
{
	assert_false(fetched("404 Not Found", JWT_STORY_KEYS));
	assert_string_equal(answer.error, "status 404, not 200");
	assert_false(fetched("500 No", ""));
	assert_false(fetched("203 Other", JWT_STORY_KEYS));
}

static void a_redirect_is_not_followed(void **state)
{
	assert_false(fetched("302 Found\r\nLocation: http://127.0.0.1:1/keys", ""));
	assert_string_equal(answer.error, "status 302, not 200 (redirects are not followed)");
}

static void an_answer_beyond_256_kib_is_cut_off_however_long_it_says_it_is(void **state)
{
	char *body = calloc(1, JWKS_BYTES_MAX + 2);

	assert_non_null(body);
	memset(body, ' ', JWKS_BYTES_MAX + 1);
	assert_false(fetched("200 OK", body));
	assert_string_equal(answer.error, "more than 262144 bytes");
	/* Without a length that is known in front. */
	assert_false(fetched("200 OK\r\nConnection: close\r\n\r\n", body));
	assert_string_equal(answer.error, "more than 262144 bytes");
	free(body);
}

static void a_port_without_a_server_is_a_failure(void **state)
{
	static const atomic_bool stopping;

	server_start("200 OK", "");
	server_stop();
	assert_false(jwks_fetch(server.url, &stopping, &answer));
	assert_true(strlen(answer.error) > 0);
}

static void which_urls_may_be_fetched(void **state)
{
	static const struct {
		const char *url;
		const char *wrong; /* NULL: it may */
	} rows[] = {
		{ "https://id.example/.well-known/jwks.json", NULL },
		{ "HTTPS://id.example:8443/keys?x=y", NULL },
		{ "http://localhost:9/keys", NULL },
		{ "http://127.0.0.1:9/keys", NULL },
		{ "http://127.8.9.10/keys", NULL },
		{ "http://[::1]:9/keys", NULL },
		{ "http://id.example/keys", "must be https: " },
		{ "http://10.0.0.1/keys", "must be https: " },
		{ "http://127.0.0.1.example.com/keys", "must be https: " },
		{ "http://localhost.example.com/keys", "must be https: " },
		{ "http://127.0.0.1@example.com/keys", "may hold no user" },
		{ "https://user:secret@id.example/keys", "may hold no user" },
		{ "file:///etc/keys", "must be https, or a file by its path" },
		{ "ftp://id.example/keys", "must be https" },
		{ "gopher://127.0.0.1/", "must be https" },
		{ "://", "is no URL" },
		{ "https://", "is no URL" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *wrong = jwks_url_wrong(rows[i].url);

		assert_true(jwks_is_url(rows[i].url));
		if (!rows[i].wrong != !wrong || (wrong && !strstr(wrong, rows[i].wrong)))
			fail_msg("%s: %s", rows[i].url, wrong ? wrong : "good");
	}
	assert_false(jwks_is_url("/etc/keys.json"));
	assert_false(jwks_is_url("keys.json"));
}

/* --- all of it -------------------------------------------------------------------------------- */

static struct jwk_set set;
static char error[256];

static uint32_t published(struct jwks *jwks)
{
	struct snapshot_reader *reader = snapshot_reader_new(jwks_snapshot(jwks));
	uint64_t version = snapshot_read(reader, &set);

	snapshot_reader_free(reader);
	return version ? set.count : 0;
}

static void keys_of_a_url_are_published_by_its_thread(void **state)
{
	struct jwks_settings settings = { .keys = server.url };
	struct jwks *jwks;

	server_start("200 OK", JWT_STORY_KEYS);
	jwks = jwks_start(&settings, error, sizeof(error));
	assert_non_null(jwks);
	while (!snapshot_version(jwks_snapshot(jwks)))
		sched_yield();
	assert_int_equal(published(jwks), 3);
	/* Wanted: not again within 30 s. */
	for (int i = 0; i < 1000; i++)
		jwks_want(jwks);
	assert_true(jwks_prepare(jwks, error, sizeof(error)));
	assert_int_equal(atomic_load(&server.asked), 1);
	/* Each reload: at once, and whatever else is wanted meanwhile. */
	for (unsigned i = 2; i < 6; i++) {
		jwks_take(jwks);
		jwks_want(jwks);
		while (atomic_load(&server.asked) < i)
			sched_yield();
	}
	assert_int_equal(snapshot_version(jwks_snapshot(jwks)), 1);
	jwks_stop(jwks);
	server_stop();
}

static void a_server_that_keeps_silent_holds_up_neither_start_nor_stop(void **state)
{
	struct jwks_settings settings = { .keys = server.url };
	struct jwks *jwks;

	server_start(NULL, NULL);
	jwks = jwks_start(&settings, error, sizeof(error));
	assert_non_null(jwks);
	while (!atomic_load(&server.asked))
		sched_yield();
	assert_int_equal(published(jwks), 0);
	jwks_stop(jwks);
	server_stop();
}

static char path[64];

static void write_file(const char *text, size_t len)
{
	FILE *file = fopen(path, "wb");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
}

static int setup_file(void **state)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/cqrsd-jwks-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int teardown_file(void **state)
{
	unlink(path);
	return 0;
}

static void a_file_is_read_again_at_a_reload_or_stays_as_it_was(void **state)
{
	struct jwks_settings settings = { .keys = path };
	struct jwks *jwks;

	write_file(JWT_STORY_KEYS, strlen(JWT_STORY_KEYS));
	jwks = jwks_start(&settings, error, sizeof(error));
	assert_non_null(jwks);
	assert_int_equal(published(jwks), 3);

	write_file("{}", 2);
	assert_false(jwks_prepare(jwks, error, sizeof(error)));
	assert_non_null(strstr(error, path));
	assert_int_equal(published(jwks), 3);

	write_file("{\"keys\":[" JWT_STORY_ED "]}", strlen("{\"keys\":[" JWT_STORY_ED "]}"));
	assert_true(jwks_prepare(jwks, error, sizeof(error)));
	assert_int_equal(published(jwks), 3);
	jwks_take(jwks);
	assert_int_equal(published(jwks), 1);
	/* Once more the same: what was verified by it stays so. */
	assert_true(jwks_prepare(jwks, error, sizeof(error)));
	jwks_take(jwks);
	assert_int_equal(snapshot_version(jwks_snapshot(jwks)), 2);
	jwks_stop(jwks);
}

static void a_file_that_is_missing_or_wrong_ends_the_start(void **state)
{
	struct jwks_settings settings = { .keys = path };

	write_file("[]", 2);
	assert_null(jwks_start(&settings, error, sizeof(error)));
	assert_non_null(strstr(error, "no JWK Set"));
	settings.keys = "/nowhere/keys.json";
	assert_null(jwks_start(&settings, error, sizeof(error)));
	assert_string_equal(error, "/nowhere/keys.json: No such file or directory");
	settings.keys = "http://id.example/keys";
	assert_null(jwks_start(&settings, error, sizeof(error)));
	assert_non_null(strstr(error, "must be https"));
}

static void a_secret_is_the_bytes_of_its_file(void **state)
{
	struct jwks_settings settings = { .secret_file = path };
	static const char secret[40] = "\0\xff raw bytes, whatever they are\n";
	struct jwks *jwks;

	write_file(secret, sizeof(secret));
	jwks = jwks_start(&settings, error, sizeof(error));
	assert_non_null(jwks);
	assert_int_equal(published(jwks), 1);
	assert_int_equal(set.keys[0].material.algorithm, JWS_HS256);
	assert_int_equal(set.keys[0].material.len, sizeof(secret));
	assert_memory_equal(set.keys[0].material.bytes, secret, sizeof(secret));
	jwks_stop(jwks);
	write_file(secret, 31);
	assert_null(jwks_start(&settings, error, sizeof(error)));
	assert_non_null(strstr(error, "a secret of 31 bytes"));
}

static int setup(void **state)
{
	jwks_fetch_setup();
	return 0;
}

int main(void)
{
#define FILE_STORY(name) cmocka_unit_test_setup_teardown(name, setup_file, teardown_file)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_body_and_the_max_age_of_a_200_are_fetched),
		cmocka_unit_test(anything_but_a_200_is_a_failure_that_is_named),
		cmocka_unit_test(a_redirect_is_not_followed),
		cmocka_unit_test(an_answer_beyond_256_kib_is_cut_off_however_long_it_says_it_is),
		cmocka_unit_test(a_port_without_a_server_is_a_failure),
		cmocka_unit_test(which_urls_may_be_fetched),
		cmocka_unit_test(keys_of_a_url_are_published_by_its_thread),
		cmocka_unit_test(a_server_that_keeps_silent_holds_up_neither_start_nor_stop),
		FILE_STORY(a_file_is_read_again_at_a_reload_or_stays_as_it_was),
		FILE_STORY(a_file_that_is_missing_or_wrong_ends_the_start),
		FILE_STORY(a_secret_is_the_bytes_of_its_file),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
