import { Vocabulary } from '../../static/vocabulary.ts';
import { tokeniserOf } from '../../static/static-model.ts';
import { WordTokeniser } from '../../static/word-tokeniser.ts';
import { utf8 } from '../../../kernel/bytes.ts';
import { isTokenisable } from '../build-static-model.ts';
import { must } from '../../../kernel/assert.ts';
import type { WordPrior } from './student-kernel.ts';
import type { StaticGraph } from '../prune/static-graph.ts';

/** The words of a student, with what the model it starts from knows of them. */
export interface StudentVocabulary {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly tokeniser: WordTokeniser;
  readonly prior: WordPrior;
}

/** The first `baseWordsMax` words of the base, which has them by falling frequency, and every other word of the texts. */
export function studentVocabulary(texts: readonly string[], base: StaticGraph, baseWordsMax: number): StudentVocabulary {
  const ofTexts = texts.flatMap(
    (text) =>
      text
        .normalize('NFKC')
        .toLowerCase()
        .match(/[a-z0-9]+/g) ?? [],
  );
  const words = [...new Set([...base.words.slice(0, baseWordsMax), ...ofTexts])].filter(isTokenisable);
  const bytes = utf8(words.join('\n')).slice();
  return { bytes, tokeniser: new WordTokeniser(new Vocabulary(bytes)), prior: priorOf(words, base) };
}

/** What the base makes of each word: its row, or the sum of those of its pieces. */
function priorOf(words: readonly string[], base: StaticGraph): WordPrior {
  const tokeniser = must(
    tokeniserOf({ tokeniser: base.tokeniser, vocabulary: utf8(base.words.join('\n')) }),
    'the rules of a base are known',
  );
  const { columns, values } = base.table;
  const prior = { columns, values: new Float64Array((words.length + 1) * columns), lengths: new Float64Array(words.length + 1) };
  words.forEach((word, i) => {
    const row = prior.values.subarray((i + 1) * columns, (i + 2) * columns);
    for (const id of tokeniser.tokenise(word).ids) for (let d = 0; d < columns; d++) row[d] = row[d]! + values[id * columns + d]!;
    const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
    prior.lengths[i + 1] = length;
    if (length > 0) for (let d = 0; d < columns; d++) row[d] = row[d]! / length;
  });
  return prior;
}
