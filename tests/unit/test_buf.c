/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that gather for a reply. */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct buf buf;

static int setup(void **state)
{
	buf_init(&buf);
	return 0;
}

static int teardown(void **state)
{
	buf_fini(&buf);
	return 0;
}

/* Looks at what the buffer holds and empties it. */
static void holds(const char *want, size_t len)
{
	assert_int_equal(buf.len, len);
	assert_memory_equal(buf.ptr, want, len);
	buf_clear(&buf);
}

#define HOLDS(literal) holds("" literal, sizeof(literal) - 1)

static void what_is_added_stands_one_after_the_other(void **state)
{
	buf_literal(&buf, "a");
	buf_byte(&buf, 'b');
	buf_string(&buf, "cd");
	buf_text(&buf, TEXT("ef"));
	buf_text(&buf, (struct text){ NULL, 0 });
	buf_printf(&buf, "%d", 12);
	HOLDS("abcdef12");
}

static void a_cleared_buffer_keeps_its_memory(void **state)
{
	char *ptr;

	for (int i = 0; i < 100000; i++)
		buf_byte(&buf, (char)i);
	ptr = buf.ptr;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(buf.ptr[i], (char)i);
	buf_clear(&buf);
	buf_reserve(&buf, 100000);
	assert_ptr_equal(buf.ptr, ptr);
}

static void printed_text_longer_than_the_room_is_whole(void **state)
{
	for (int width = 0; width < 2000; width += 37) {
		buf_printf(&buf, "%*d", width, 5);
		assert_int_equal(buf.len, width ? width : 1);
		assert_int_equal(buf.ptr[buf.len - 1], '5');
		buf_fini(&buf);
	}
}

static void integers_are_written_to_both_ends_of_their_range(void **state)
{
	buf_int(&buf, 0);
	HOLDS("0");
	buf_int(&buf, -1);
	HOLDS("-1");
	buf_int(&buf, INT64_MAX);
	HOLDS("9223372036854775807");
	buf_int(&buf, INT64_MIN);
	HOLDS("-9223372036854775808");
}

static void real_numbers_have_the_fewest_digits_that_read_back_the_same(void **state)
{
	static const double hard[] = { 0.1,
				       1.0 / 3,
				       5e-324,
				       2.2250738585072014e-308,
				       1.7976931348623157e308,
				       9007199254740993.0,
				       1e22,
				       1e23 };

	buf_real(&buf, 0.1);
	HOLDS("0.1");
	buf_real(&buf, 5e-324);
	HOLDS("5e-324");
	buf_real(&buf, 1e23);
	HOLDS("1e+23");
	buf_real(&buf, 0.3);
	HOLDS("0.3");
	buf_real(&buf, 0.1 + 0.2);
	HOLDS("0.30000000000000004");
	buf_real(&buf, -2.5);
	HOLDS("-2.5");
	for (size_t i = 0; i < sizeof(hard) / sizeof(hard[0]); i++) {
		buf_real(&buf, hard[i]);
		buf_byte(&buf, '\0');
		assert_true(strtod(buf.ptr, NULL) == hard[i]);
		buf_clear(&buf);
	}
}

#define JSON(in, out)                                                                              \
	do {                                                                                       \
		buf_json_string(&buf, "" in, sizeof(in) - 1);                                      \
		HOLDS(out);                                                                        \
	} while (0)

static void a_json_string_escapes_what_json_forbids(void **state)
{
	JSON("", "\"\"");
	JSON("plain", "\"plain\"");
	JSON("a \"quote\" and a \\", "\"a \\\"quote\\\" and a \\\\\"");
	JSON("\b\t\n\f\r", "\"\\b\\t\\n\\f\\r\"");
	JSON("\0\x01\x1f\x7f", "\"\\u0000\\u0001\\u001F\x7f\"");
	JSON("/<>&'", "\"/<>&'\"");
}

static void the_place_of_a_special_byte_does_not_matter(void **state)
{
	static const char specials[] = { '"', '\\', '\n', '\0', '\x1f' };
	char text[40];

	/* Words of eight bytes are looked at together: each byte of each must be seen. */
	for (size_t s = 0; s < sizeof(specials); s++) {
		for (size_t at = 0; at < sizeof(text); at++) {
			memset(text, 'x', sizeof(text));
			text[at] = specials[s];
			buf_json_string(&buf, text, sizeof(text));
			assert_int_equal(buf.ptr[at + 1], '\\');
			assert_true(buf.len == sizeof(text) + 3 || buf.len == sizeof(text) + 7);
			assert_int_equal(buf.ptr[buf.len - 1], '"');
			buf_clear(&buf);
		}
	}
	for (int byte = 0x20; byte < 0x80; byte++) {
		if (byte == '"' || byte == '\\')
			continue;
		memset(text, byte, sizeof(text));
		buf_json_string(&buf, text, sizeof(text));
		assert_int_equal(buf.len, sizeof(text) + 2);
		assert_memory_equal(buf.ptr + 1, text, sizeof(text));
		buf_clear(&buf);
	}
}

static void valid_utf8_passes_unchanged(void **state)
{
	JSON("grün", "\"grün\"");
	JSON("日本語テキスト", "\"日本語テキスト\"");
	JSON("😀", "\"😀\"");
	JSON("\xef\xbf\xbf", "\"\xef\xbf\xbf\"");
	JSON("\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"");
}

#define BAD "\xef\xbf\xbd"

static void bytes_that_are_no_utf8_become_replacement_characters(void **state)
{
	JSON("a\x80z", "\"a" BAD "z\"");
	JSON("\xc0\xaf", "\"" BAD BAD "\"");                 /* overlong */
	JSON("\xe0\x9f\xbf", "\"" BAD BAD BAD "\"");         /* overlong */
	JSON("\xed\xa0\x80", "\"" BAD BAD BAD "\"");         /* surrogate */
	JSON("\xf4\x90\x80\x80", "\"" BAD BAD BAD BAD "\""); /* beyond Unicode */
	JSON("\xff", "\"" BAD "\"");
	JSON("\xc3", "\"" BAD "\""); /* cut off */
	JSON("\xe6\x97", "\"" BAD BAD "\"");
	JSON("\xf0\x9f\x98", "\"" BAD BAD BAD "\"");
	JSON("\xc3\"", "\"" BAD "\\\"\""); /* a broken character swallows no quote */
}

static void base64_has_the_text_of_the_rfc(void **state)
{
	static const char *const plain[] = { "",         "Zg==",     "Zm8=",    "Zm9v",
					     "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy" };
	static const char *const url[] = {
		"", "Zg", "Zm8", "Zm9v", "Zm9vYg", "Zm9vYmE", "Zm9vYmFy"
	};

	for (size_t len = 0; len <= 6; len++) {
		buf_base64(&buf, "foobar", len);
		holds(plain[len], strlen(plain[len]));
		buf_base64url(&buf, "foobar", len);
		holds(url[len], strlen(url[len]));
	}
	buf_base64(&buf, "\xfb\xff", 2);
	HOLDS("+/8=");
	buf_base64url(&buf, "\xfb\xff", 2);
	HOLDS("-_8");
}

static void url_safe_base64_reads_back_what_was_written(void **state)
{
	unsigned char bytes[70], back[70];
	size_t len;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		buf_base64url(&buf, bytes, n);
		assert_true(base64url_decode((struct text){ buf.ptr, buf.len }, back, n, &len));
		assert_int_equal(len, n);
		assert_memory_equal(back, bytes, n);
		if (n)
			assert_false(base64url_decode((struct text){ buf.ptr, buf.len }, back,
						      n - 1, &len));
		buf_clear(&buf);
	}
}

static void text_that_is_not_url_safe_base64_is_refused(void **state)
{
	static const char *const wrong[] = { "A", "AAAAA", "Zg==", "Zm+v", "Zm/v", "Zm v", "Zm9v\n",
					     /* spare bits that are not clear: a second spelling */
					     "Zh", "Zm9" };
	char out[16];
	size_t len;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_false(base64url_decode(text_of(wrong[i]), out, sizeof(out), &len));
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		STORY(what_is_added_stands_one_after_the_other),
		STORY(a_cleared_buffer_keeps_its_memory),
		STORY(printed_text_longer_than_the_room_is_whole),
		STORY(integers_are_written_to_both_ends_of_their_range),
		STORY(real_numbers_have_the_fewest_digits_that_read_back_the_same),
		STORY(a_json_string_escapes_what_json_forbids),
		STORY(the_place_of_a_special_byte_does_not_matter),
		STORY(valid_utf8_passes_unchanged),
		STORY(bytes_that_are_no_utf8_become_replacement_characters),
		STORY(base64_has_the_text_of_the_rfc),
		STORY(url_safe_base64_reads_back_what_was_written),
		STORY(text_that_is_not_url_safe_base64_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
