/* SPDX-License-Identifier: Apache-2.0 */
/* links: corpus.c tests/fuzz/fuzz_pgoutput.c */
#include "corpus.h"

int main(void)
{
	return corpus_replay("tests/fuzz/corpus/pgoutput");
}
