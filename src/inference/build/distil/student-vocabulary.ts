import { Vocabulary } from '../../static/vocabulary.ts';
import { WordTokeniser } from '../../static/word-tokeniser.ts';
import { utf8 } from '../../../kernel/bytes.ts';
import { isTokenisable } from '../build-static-model.ts';
import type { Matrix } from '../matrix.ts';
import type { StaticGraph } from '../prune/static-graph.ts';

/** The words of a student, with what the model it starts from knows of them. */
export interface StudentVocabulary {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly tokeniser: WordTokeniser;
  /** One row a token: the base's vector of the word, of unit length, or zero. */
  readonly prior: Matrix;
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

function priorOf(words: readonly string[], base: StaticGraph): Matrix {
  const ids = new Map(base.words.map((word, i) => [word, i + 1]));
  const { columns, values } = base.table;
  const prior = { columns, values: new Float64Array((words.length + 1) * columns) };
  words.forEach((word, i) => {
    const id = ids.get(word);
    if (id === undefined) return;
    const row = values.subarray(id * columns, (id + 1) * columns);
    const length = Math.sqrt(row.reduce((sum, x) => sum + x * x, 0));
    if (length > 0) row.forEach((x, d) => (prior.values[(i + 1) * columns + d] = x / length));
  });
  return prior;
}
