/* SPDX-License-Identifier: Apache-2.0 */
/* Which browsers may ask what. */
#include "http/head/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LONG63 "a23456789012345678901234567890123456789012345678901234567890123"

static const char *const hosts[] = { "cqrsd", "API.example.org" };
static const char *const origins[] = { "https://shop.example", "http://localhost:3000",
				       "capacitor://localhost", "https://deep.example:443" };
static const struct origin_policy open_to_anybody = { true, hosts, 2, origins, 4 };
static const struct origin_policy behind_keys = { false, NULL, 0, origins, 4 };

static enum origin_verdict judge(const struct origin_policy *policy, const char *method,
				 const char *host, const char *origin, const char *fetch_site)
{
	struct origin_asked asked = { .method = text_of(method),
				      .host = text_of(host),
				      .origin = text_of(origin),
				      .fetch_site = text_of(fetch_site) };

	return origin_judge(policy, &asked);
}

/* What a Host names, and whether it is served while anybody may ask. */
static const struct {
	const char *host;
	bool served;
} named[] = {
	{ "127.0.0.1", true },
	{ "127.0.0.1:8080", true },
	{ "10.1.2.3:", true },
	{ "255.255.255.255:1", true },
	{ "[::1]", true },
	{ "[::1]:8080", true },
	{ "[2001:db8::a]:80", true },
	{ "[::ffff:127.0.0.1]", true },
	{ "localhost", true },
	{ "LocalHost:8080", true },
	{ "localhost.", true },
	{ "localhost.:8080", true },
	{ "cqrsd:8080", true },
	{ "CQRSD", true },
	{ "api.example.org.", true },
	{ "evil.example", false },
	{ "evil.example:8080", false },
	{ "localhost.evil.example", false },
	{ "notlocalhost", false },
	{ "foo.localhost", false },
	{ "localhost..", false },
	{ "cqrsd.evil.example", false },
	{ "xcqrsd", false },
	{ "127.0.0.1.evil.example", false },
	{ "127.0.0.1.5", false },
	{ "127.0.0", false },
	{ "127.0.0.", false },
	{ "127.0.0.256", false },
	{ "127.0.0.1x", false },
	{ "1270.0.0.1", false },
	{ "127..0.1", false },
	{ ".127.0.0.1", false },
	{ "0x7f.0.0.1", false },
	{ "2130706433", false },
	{ "127.0.0.1:80:80", false },
	{ "127.0.0.1:http", false },
	{ "localhost:x", false },
	{ "[::1", false },
	{ "[]", false },
	{ "[::1]evil.example", false },
	{ "[::1%lo]", false },
	{ "[evil.example]", false },
	{ "[" LONG63 "]", false },
	{ "::1", false },
	{ ":8080", false },
	{ ".", false },
	{ "", false },
};

static void test_only_names_that_an_attacker_cannot_point_here_are_served(void **state)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		enum origin_verdict verdict =
			judge(&open_to_anybody, "GET", named[i].host, NULL, NULL);

		if (verdict != (named[i].served ? ORIGIN_OWN : ORIGIN_FORBIDDEN_HOST))
			fail_msg("Host: %s: %u", named[i].host, verdict);
		assert_int_equal(judge(&behind_keys, "GET", named[i].host, NULL, NULL), ORIGIN_OWN);
	}
}

static void test_a_request_of_http_1_0_needs_no_host(void **state)
{
	assert_int_equal(judge(&open_to_anybody, "GET", NULL, NULL, NULL), ORIGIN_OWN);
	assert_int_equal(judge(&open_to_anybody, "POST", NULL, "http://localhost", NULL),
			 ORIGIN_FORBIDDEN);
}

/* What a browser says of the page that asks, and what becomes of any method but GET and HEAD. */
static const struct {
	const char *host, *origin, *fetch_site;
	enum origin_verdict verdict;
} pages[] = {
	{ "localhost:8080", NULL, NULL, ORIGIN_OWN },
	{ "localhost:8080", "http://localhost:8080", "same-origin", ORIGIN_OWN },
	{ "localhost:8080", "http://LOCALHOST:8080", NULL, ORIGIN_OWN },
	{ "localhost.:8080", "http://localhost:8080", NULL, ORIGIN_OWN },
	{ "cqrsd", "https://cqrsd", "same-origin", ORIGIN_OWN },
	{ "cqrsd", "https://cqrsd:443", NULL, ORIGIN_OWN },
	{ "cqrsd:443", "https://cqrsd", NULL, ORIGIN_OWN },
	{ "cqrsd:80", "http://cqrsd", NULL, ORIGIN_OWN },
	{ "[::1]:8080", "http://[::1]:8080", NULL, ORIGIN_OWN },
	{ "localhost:8080", NULL, "same-origin", ORIGIN_OWN },
	{ "localhost:8080", NULL, "none", ORIGIN_OWN },

	{ "localhost:8080", "https://shop.example", "cross-site", ORIGIN_LISTED },
	{ "localhost:8080", "https://Shop.Example:443", NULL, ORIGIN_LISTED },
	{ "localhost:8080", "https://deep.example", NULL, ORIGIN_LISTED },
	{ "localhost:8080", "http://localhost:3000", "same-site", ORIGIN_LISTED },
	{ "localhost:8080", "capacitor://localhost", "cross-site", ORIGIN_LISTED },

	{ "localhost:8080", "http://evil.example", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", "http://evil.example", "same-origin", ORIGIN_FORBIDDEN },
	{ "localhost:8080", "http://localhost", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", "http://localhost:8081", "same-site", ORIGIN_FORBIDDEN },
	{ "localhost:8080", "http://127.0.0.1:8080", NULL, ORIGIN_FORBIDDEN },
	{ "cqrsd", "http://cqrsd", "same-site", ORIGIN_FORBIDDEN },
	{ "cqrsd", "http://cqrsd:8080", NULL, ORIGIN_FORBIDDEN },
	{ "cqrsd:80", "https://cqrsd", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", "http://shop.example", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", "https://shop.example:8443", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", "https://shop.example.evil", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", "https://shop.example/", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", "https://shop.example https://evil.example", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", "null", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", "null", "same-origin", ORIGIN_FORBIDDEN },
	{ "localhost:8080", "", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", "://localhost:8080", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", "http:localhost:8080", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", "http://", NULL, ORIGIN_FORBIDDEN },
	{ "localhost:8080", NULL, "cross-site", ORIGIN_FORBIDDEN },
	{ "localhost:8080", NULL, "same-site", ORIGIN_FORBIDDEN },
	{ "localhost:8080", NULL, "", ORIGIN_FORBIDDEN },
	{ "localhost:8080", NULL, "something-new", ORIGIN_FORBIDDEN },
	{ "evil.example:8080", "http://evil.example:8080", "same-origin", ORIGIN_FORBIDDEN_HOST },
};

static void test_pages_of_other_sites_may_not_post(void **state)
{
	static const char *const methods[] = { "POST", "QUERY", "PUT", "DELETE", "OPTIONS" };

	for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		for (size_t k = 0; k < sizeof(methods) / sizeof(methods[0]); k++) {
			enum origin_verdict verdict =
				judge(&open_to_anybody, methods[k], pages[i].host, pages[i].origin,
				      pages[i].fetch_site);

			if (verdict != pages[i].verdict)
				fail_msg("%s, Host: %s, Origin: %s, Sec-Fetch-Site: %s: %u",
					 methods[k], pages[i].host, pages[i].origin,
					 pages[i].fetch_site, verdict);
		}
}

static void test_a_get_of_another_site_is_answered_without_being_readable(void **state)
{
	assert_int_equal(
		judge(&open_to_anybody, "GET", "localhost", "http://evil.example", "cross-site"),
		ORIGIN_OWN);
	assert_int_equal(judge(&open_to_anybody, "HEAD", "localhost", "null", NULL), ORIGIN_OWN);
	assert_int_equal(judge(&open_to_anybody, "GET", "localhost", "https://shop.example", NULL),
			 ORIGIN_LISTED);
}

static void test_names_are_checked_only_while_anybody_may_ask(void **state)
{
	assert_int_equal(judge(&behind_keys, "POST", "evil.example", NULL, NULL), ORIGIN_OWN);
	assert_int_equal(judge(&behind_keys, "POST", "a.example", "http://evil.example", NULL),
			 ORIGIN_FORBIDDEN);
}

static void test_two_origins_are_no_origin(void **state)
{
	struct origin_asked asked = { .method = TEXT("POST"),
				      .host = TEXT("localhost"),
				      .origin = TEXT("https://shop.example"),
				      .several = true };

	assert_int_equal(origin_judge(&open_to_anybody, &asked), ORIGIN_FORBIDDEN);
	asked.method = TEXT("GET");
	assert_int_equal(origin_judge(&open_to_anybody, &asked), ORIGIN_OWN);
}

static void test_what_no_browser_sends_is_no_option(void **state)
{
	static const char *const wrong_hosts[] = { "",    "http://a", "a:80", "*.example",
						   "a/b", "a b",      "[::1]" };
	static const char *const wrong_origins[] = { "",
						     "*",
						     "null",
						     "a.example",
						     "https://",
						     "https://a/",
						     "https://a/b",
						     "https://*.a",
						     "https://a:x",
						     "https://u@a",
						     "https://a,https://b" };

	assert_null(origin_wrong_host("cqrsd"));
	assert_null(origin_wrong_host("api_2.example.org."));
	assert_null(origin_wrong_origin("https://shop.example"));
	assert_null(origin_wrong_origin("http://[::1]:3000"));
	assert_null(origin_wrong_origin("capacitor://localhost"));
	for (size_t i = 0; i < sizeof(wrong_hosts) / sizeof(wrong_hosts[0]); i++)
		if (!origin_wrong_host(wrong_hosts[i]))
			fail_msg("--host %s", wrong_hosts[i]);
	for (size_t i = 0; i < sizeof(wrong_origins) / sizeof(wrong_origins[0]); i++)
		if (!origin_wrong_origin(wrong_origins[i]))
			fail_msg("--cors-origin %s", wrong_origins[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_names_that_an_attacker_cannot_point_here_are_served),
		cmocka_unit_test(test_a_request_of_http_1_0_needs_no_host),
		cmocka_unit_test(test_pages_of_other_sites_may_not_post),
		cmocka_unit_test(test_a_get_of_another_site_is_answered_without_being_readable),
		cmocka_unit_test(test_names_are_checked_only_while_anybody_may_ask),
		cmocka_unit_test(test_two_origins_are_no_origin),
		cmocka_unit_test(test_what_no_browser_sends_is_no_option),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
