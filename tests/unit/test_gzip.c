/* SPDX-License-Identifier: Apache-2.0 */
/* links: gunzip.c */
/* Whatever goes in comes out, however it is cut; what was flushed can be read. */
#include "http/gzip.h"

#include "base/limits.h"
#include "base/random.h"
#include "gunzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define BODY_BYTES 300000

static struct gzips gzips;
static struct random dice;
static char body[BODY_BYTES];

static int start(void **state)
{
	gzips_init(&gzips);
	random_init(&dice, 42);
	return 0;
}

static int stop(void **state)
{
	gzips_fini(&gzips);
	return 0;
}

/* variety: 1 compresses to nothing, 256 not at all. */
static void fill(unsigned variety)
{
	for (size_t i = 0; i < BODY_BYTES; i++)
		body[i] = (char)(random_next(&dice) % variety);
}

static void a_body_comes_out_as_it_went_in(void **state)
{
	static const unsigned varieties[] = { 1, 2, 30, 256 };
	static const size_t rooms[] = { GZIP_ROOM_MIN, 17, 1000, 4096, 100000 };

	for (size_t v = 0; v < 4; v++) {
		fill(varieties[v]);
		for (size_t r = 0; r < 5; r++) {
			size_t bytes = r < 2 ? 5000 : BODY_BYTES, made;
			struct gzip *gzip = gzip_take(&gzips);
			struct text in = { body, bytes };
			struct buf out, back;

			buf_init(&out);
			buf_init(&back);
			while ((made = gzip_piece(gzip, &in, true, buf_reserve(&out, rooms[r]),
						  rooms[r])) > 0)
				out.len += made;
			assert_int_equal(in.len, 0);
			assert_true(gzip_is_flushed(gzip, true));
			assert_true(gunzip(out.ptr, out.len, &back));
			assert_int_equal(back.len, bytes);
			assert_memory_equal(back.ptr, body, bytes);
			buf_fini(&out);
			buf_fini(&back);
			gzip_give_back(&gzips, gzip);
		}
	}
}

/* The loop goes on after so much, and there is something to send. */
static void a_call_reads_a_piece_and_writes_something(void **state)
{
	for (unsigned variety = 1; variety <= 256; variety *= 4) {
		struct gzip *gzip = gzip_take(&gzips);
		struct text in = { body, BODY_BYTES };
		size_t before = in.len;
		char out[1 << 16];

		fill(variety);
		while (in.len) {
			assert_true(gzip_piece(gzip, &in, false, out, sizeof(out)) > 0);
			assert_true(before - in.len <= GZIP_PIECE_BYTES);
			before = in.len;
		}
		gzip_give_back(&gzips, gzip);
	}
}

static void each_row_can_be_read_when_it_was_written(void **state)
{
	static const char row[] = "{\"id\":1,\"sku\":\"pen\"},";
	struct gzip *gzip = gzip_take(&gzips);
	struct buf out;

	buf_init(&out);
	for (size_t i = 1; i <= 100; i++) {
		struct text in = { row, sizeof(row) - 1 };
		struct buf back;
		size_t made;

		/* However little room there is. */
		while ((made = gzip_piece(gzip, &in, false, buf_reserve(&out, 15 + i), 15 + i)) > 0)
			out.len += made;
		buf_init(&back);
		assert_false(gunzip(out.ptr, out.len, &back));
		assert_int_equal(back.len, i * (sizeof(row) - 1));
		buf_fini(&back);
	}
	buf_fini(&out);
	gzip_give_back(&gzips, gzip);
}

static void a_long_piece_can_be_read_to_its_end(void **state)
{
	struct gzip *gzip = gzip_take(&gzips);
	struct text in = { body, GZIP_PIECE_BYTES };
	struct buf out, back;

	buf_init(&out);
	buf_init(&back);
	fill(30);
	out.len = gzip_piece(gzip, &in, false, buf_reserve(&out, BODY_BYTES), BODY_BYTES);
	assert_false(gunzip(out.ptr, out.len, &back));
	assert_int_equal(back.len, GZIP_PIECE_BYTES);
	buf_fini(&out);
	buf_fini(&back);
	gzip_give_back(&gzips, gzip);
}

static void a_whole_body_is_compressed_in_place_or_stays(void **state)
{
	static const size_t lengths[] = { 1025, 4096, GZIP_WHOLE_BYTES_MAX };

	for (size_t i = 0; i < 3; i++) {
		struct buf whole, back;

		buf_init(&whole);
		buf_init(&back);
		fill(20);
		buf_add(&whole, body, lengths[i]);
		assert_true(gzip_whole(&gzips, &whole));
		assert_true(whole.len < lengths[i]);
		assert_true(gunzip(whole.ptr, whole.len, &back));
		assert_int_equal(back.len, lengths[i]);
		assert_memory_equal(back.ptr, body, lengths[i]);

		fill(256);
		buf_clear(&whole);
		buf_add(&whole, body, lengths[i]);
		assert_false(gzip_whole(&gzips, &whole));
		assert_int_equal(whole.len, lengths[i]);
		assert_memory_equal(whole.ptr, body, lengths[i]);
		buf_fini(&whole);
		buf_fini(&back);
	}
	assert_int_equal(gzips.count, 0);
}

static void only_so_many_are_under_way_and_fewer_are_kept(void **state)
{
	struct gzip *taken[GZIP_STATES_MAX];

	for (unsigned i = 0; i < GZIP_STATES_MAX; i++) {
		taken[i] = gzip_take(&gzips);
		assert_non_null(taken[i]);
	}
	assert_null(gzip_take(&gzips));
	for (unsigned i = 0; i < GZIP_STATES_MAX; i++)
		gzip_give_back(&gzips, taken[i]);
	assert_int_equal(gzips.count, 0);
	assert_int_equal(gzips.idle.count, GZIP_STATES_KEPT);
}

int main(void)
{
#define STORY(name) cmocka_unit_test_setup_teardown(name, start, stop)
	const struct CMUnitTest tests[] = {
		STORY(a_body_comes_out_as_it_went_in),
		STORY(a_call_reads_a_piece_and_writes_something),
		STORY(each_row_can_be_read_when_it_was_written),
		STORY(a_long_piece_can_be_read_to_its_end),
		STORY(a_whole_body_is_compressed_in_place_or_stays),
		STORY(only_so_many_are_under_way_and_fewer_are_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
