/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that two HTTP programs could read differently are refused, all others are not. */
#include "http/head/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* A head made of "name: value" strings. */
static struct head make(const char *method, const char *target, const char *version,
			const char *const *lines)
{
	struct head head = { .method = text_of(method),
			     .target = text_of(target),
			     .version = text_of(version) };

	for (; *lines; lines++) {
		const char *colon = strchr(*lines, ':');
		struct text value = text_of(colon + 1);

		head_add(&head, (struct text){ *lines, (size_t)(colon - *lines) },
			 text_trim(value));
	}
	return head;
}

#define LINES(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define REFUSAL(...)                                                                               \
	({                                                                                         \
		struct head head_ = make("POST", "/v1/x", "HTTP/1.1", LINES(__VA_ARGS__));         \
		guard_refusal(&head_);                                                             \
	})
#define REFUSAL_OF_LINE(method, target, version)                                                   \
	({                                                                                         \
		struct head head_ = make(method, target, version, LINES("Host: a"));               \
		guard_refusal(&head_);                                                             \
	})

static void test_plain_requests_pass(void **state)
{
	assert_null(REFUSAL("Host: a.example:8080"));
	assert_null(REFUSAL("Host: [2001:db8::1]:80", "content-length: 0"));
	assert_null(REFUSAL("hOST: a", "Content-Length: 1048576", "Accept: */*"));
	assert_null(REFUSAL("Host: a", "Transfer-Encoding: Chunked"));
	assert_null(REFUSAL("Host: a", "X-User-Id: \xc3\xa4\tb", "X-Empty:"));
	assert_null(REFUSAL_OF_LINE("QUERY", "/?a=%20&b[]={1|2}", "HTTP/1.1"));
	assert_null(REFUSAL_OF_LINE("GET", "/", "HTTP/1.0"));
}

static void test_an_http_1_0_request_needs_no_host(void **state)
{
	struct head head = make("GET", "/", "HTTP/1.0", LINES("Accept: */*"));

	assert_null(guard_refusal(&head));
}

static void test_the_method_must_be_known(void **state)
{
	assert_non_null(REFUSAL_OF_LINE("BREW", "/", "HTTP/1.1"));
	assert_non_null(REFUSAL_OF_LINE("get", "/", "HTTP/1.1"));
	assert_non_null(REFUSAL_OF_LINE("CONNECT", "/", "HTTP/1.1"));
	assert_non_null(REFUSAL_OF_LINE("", "/", "HTTP/1.1"));
}

static void test_the_target_must_be_a_path(void **state)
{
	assert_non_null(REFUSAL_OF_LINE("GET", "", "HTTP/1.1"));
	assert_non_null(REFUSAL_OF_LINE("GET", "*", "HTTP/1.1"));
	assert_non_null(REFUSAL_OF_LINE("GET", "http://b/", "HTTP/1.1"));
	assert_non_null(REFUSAL_OF_LINE("GET", "/a b", "HTTP/1.1"));
	assert_non_null(REFUSAL_OF_LINE("GET", "/a#b", "HTTP/1.1"));
	assert_non_null(REFUSAL_OF_LINE("GET", "/\xc3\xa4", "HTTP/1.1"));
	assert_non_null(REFUSAL_OF_LINE("GET", "/a\x7f", "HTTP/1.1"));
	assert_non_null(REFUSAL_OF_LINE("GET", "/a\tb", "HTTP/1.1"));
}

static void test_the_version_must_be_1_1_or_1_0(void **state)
{
	assert_non_null(REFUSAL_OF_LINE("GET", "/", "HTTP/1.9"));
	assert_non_null(REFUSAL_OF_LINE("GET", "/", "HTTP/1.2"));
	assert_non_null(REFUSAL_OF_LINE("GET", "/", "HTTP/2.0"));
	assert_non_null(REFUSAL_OF_LINE("GET", "/", "http/1.1"));
	assert_non_null(REFUSAL_OF_LINE("GET", "/", ""));
}

static void test_there_must_be_one_host(void **state)
{
	assert_non_null(REFUSAL("Accept: */*"));
	assert_non_null(REFUSAL("Host: a", "host: a"));
	assert_non_null(REFUSAL("Host:"));
	assert_non_null(REFUSAL("Host: a, b"));
	assert_non_null(REFUSAL("Host: a b"));
	assert_non_null(REFUSAL("Host: a/b"));
	assert_non_null(REFUSAL("Host: user@a"));
	assert_non_null(REFUSAL("Host: \xc3\xa4"));
}

static void test_the_length_must_be_said_once(void **state)
{
	assert_non_null(REFUSAL("Host: a", "Content-Length: 5", "Content-Length: 5"));
	assert_non_null(REFUSAL("Host: a", "Content-Length: 5", "Transfer-Encoding: chunked"));
	assert_non_null(
		REFUSAL("Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"));
}

static void test_the_length_must_be_a_number(void **state)
{
	assert_non_null(REFUSAL("Host: a", "Content-Length:"));
	assert_non_null(REFUSAL("Host: a", "Content-Length: 5, 5"));
	assert_non_null(REFUSAL("Host: a", "Content-Length: +5"));
	assert_non_null(REFUSAL("Host: a", "Content-Length: -5"));
	assert_non_null(REFUSAL("Host: a", "Content-Length: 0x5"));
	assert_non_null(REFUSAL("Host: a", "Content-Length: 5 5"));
	assert_non_null(REFUSAL("Host: a", "Content-Length: 1000000000000000000"));
}

static void test_the_coding_must_be_chunked(void **state)
{
	assert_non_null(REFUSAL("Host: a", "Transfer-Encoding: xchunked"));
	assert_non_null(REFUSAL("Host: a", "Transfer-Encoding: gzip, chunked"));
	assert_non_null(REFUSAL("Host: a", "Transfer-Encoding: chunked, identity"));
	assert_non_null(REFUSAL("Host: a", "Transfer-Encoding:"));
	assert_non_null(REFUSAL("Host: a", "Transfer-Encoding: chunked;x=1"));
}

static void test_http_1_0_has_no_coding(void **state)
{
	struct head head = make("POST", "/", "HTTP/1.0", LINES("Transfer-Encoding: chunked"));

	assert_non_null(guard_refusal(&head));
}

static void test_header_names_must_be_tokens(void **state)
{
	assert_non_null(REFUSAL("Host: a", "Content-Length : 5"));
	assert_non_null(REFUSAL("Host: a", " X-A: 1"));
	assert_non_null(REFUSAL("Host: a", "X A: 1"));
	assert_non_null(REFUSAL("Host: a", ": 1"));
	assert_non_null(REFUSAL("Host: a", "X-\xc3\xa4: 1"));
	assert_non_null(REFUSAL("Host: a", "X(a): 1"));
}

static void test_header_values_must_have_no_control_characters(void **state)
{
	char line[100];

	/* Of each length, at each place: long values are not looked at like short ones. */
	for (int len = 1; len <= 50; len++) {
		for (int at = 0; at < len; at++) {
			for (int byte = 1; byte < 256; byte++) {
				bool good = byte == '\t' || (byte >= ' ' && byte != 0x7f);

				snprintf(line, sizeof(line), "X-A:.%0*d.", len, 0);
				line[5 + at] = (char)byte;
				if ((REFUSAL("Host: a", line) == NULL) != good)
					fail_msg("byte 0x%02x of %d bytes, at %d", byte, len, at);
			}
		}
	}
}

static void test_hidden_bytes_and_too_many_headers_are_refused(void **state)
{
	struct head noisy = make("GET", "/", "HTTP/1.1", LINES("Host: a"));
	struct head long_one = noisy;

	noisy.line_noise = true;
	long_one.too_many = true;

	assert_non_null(guard_refusal(&noisy));
	assert_non_null(guard_refusal(&long_one));
}

static void test_lists_are_taken_apart(void **state)
{
	struct text list = TEXT(" a,, b ,\t,c "), element;

	assert_true(text_next(&list, ',', &element));
	assert_true(text_is(element, "a"));
	assert_true(text_next(&list, ',', &element));
	assert_true(text_is(element, "b"));
	assert_true(text_next(&list, ',', &element));
	assert_true(text_is(element, "c"));
	assert_false(text_next(&list, ',', &element));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_requests_pass),
		cmocka_unit_test(test_an_http_1_0_request_needs_no_host),
		cmocka_unit_test(test_the_method_must_be_known),
		cmocka_unit_test(test_the_target_must_be_a_path),
		cmocka_unit_test(test_the_version_must_be_1_1_or_1_0),
		cmocka_unit_test(test_there_must_be_one_host),
		cmocka_unit_test(test_the_length_must_be_said_once),
		cmocka_unit_test(test_the_length_must_be_a_number),
		cmocka_unit_test(test_the_coding_must_be_chunked),
		cmocka_unit_test(test_http_1_0_has_no_coding),
		cmocka_unit_test(test_header_names_must_be_tokens),
		cmocka_unit_test(test_header_values_must_have_no_control_characters),
		cmocka_unit_test(test_hidden_bytes_and_too_many_headers_are_refused),
		cmocka_unit_test(test_lists_are_taken_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
