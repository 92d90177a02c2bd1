/* SPDX-License-Identifier: Apache-2.0 */
/* links: corpus.c tests/fuzz/fuzz_principal.c tests/fuzz/head_lines.c tests/fuzz/shown.c */
/* links: jwt_story.c key_story.c library_clock.c */
#include "corpus.h"

int main(void)
{
	return corpus_replay("tests/fuzz/corpus/principal");
}
