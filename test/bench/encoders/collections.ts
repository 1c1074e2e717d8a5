import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { ROOT } from '../../../workers/local/paths.ts';

/** Texts that are searched, questions, and which texts answer them: by position, with a grade each. */
export interface Collection {
  readonly name: string;
  readonly documents: readonly string[];
  readonly queries: readonly string[];
  readonly relevance: readonly ReadonlyMap<number, number>[];
}

/** Where public collections are, if there are any: no test needs them. */
export const COLLECTIONS = process.env['SLUICE_COLLECTIONS'] ?? join(ROOT, '../shared/data');

/** BEIR's test split of SciFact (Wadden et al. 2020): title and abstract, as one text. */
export function scifact(): Collection | undefined {
  const folder = join(COLLECTIONS, 'scifact');
  if (!existsSync(join(folder, 'corpus.jsonl'))) return undefined;
  const rows = linesOf(join(folder, 'corpus.jsonl')).map((line) => JSON.parse(line) as { id: string; title: string; text: string });
  const positionOf = new Map(rows.map(({ id }, position) => [id, position]));
  const judged = new Map<string, Map<number, number>>();
  for (const line of linesOf(join(folder, 'qrels.txt'))) {
    const [query = '', , document = '', grade] = line.split(/\s+/);
    const position = positionOf.get(document);
    if (position !== undefined) judged.set(query, (judged.get(query) ?? new Map<number, number>()).set(position, Number(grade)));
  }
  const queries = linesOf(join(folder, 'queries.tsv')).flatMap((line) => {
    const [id = '', text = ''] = line.split('\t');
    const relevance = judged.get(id);
    return relevance === undefined ? [] : [{ text, relevance }];
  });
  return {
    name: 'SciFact',
    documents: rows.map(({ title, text }) => `${title} ${text}`),
    queries: queries.map(({ text }) => text),
    relevance: queries.map(({ relevance }) => relevance),
  };
}

interface SquadFile {
  readonly data: readonly {
    readonly paragraphs: readonly { readonly context: string; readonly qas: readonly { readonly question: string }[] }[];
  }[];
}

/** XQuAD (Artetxe et al. 2020) in one language: the paragraph of a question is its answer. */
export function xquad(language: string): Collection | undefined {
  const file = join(COLLECTIONS, 'xquad', `xquad.${language}.json`);
  if (!existsSync(file)) return undefined;
  const { data } = JSON.parse(readFileSync(file, 'utf8')) as SquadFile;
  const paragraphs = data.flatMap((article) => article.paragraphs);
  const asked = paragraphs.flatMap(({ qas }, position) => qas.map(({ question }) => ({ question, position })));
  return {
    name: `XQuAD ${language}`,
    documents: paragraphs.map(({ context }) => context),
    queries: asked.map(({ question }) => question),
    relevance: asked.map(({ position }) => new Map([[position, 1]])),
  };
}

/** Mean nDCG at 10 (Järvelin and Kekäläinen 2002) of rankings of document positions, with linear gains as trec_eval has them. */
export function meanNdcgAt10(rankings: readonly (readonly number[])[], relevance: Collection['relevance']): number {
  const gainOf = (grades: readonly number[]): number =>
    grades.slice(0, 10).reduce((sum, grade, rank) => sum + grade / Math.log2(rank + 2), 0);
  const each = rankings.map((ranking, query) => {
    const judged = relevance[query] ?? new Map<number, number>();
    const ideal = gainOf([...judged.values()].toSorted((a, b) => b - a));
    return ideal === 0 ? 0 : gainOf(ranking.map((position) => judged.get(position) ?? 0)) / ideal;
  });
  return each.reduce((sum, value) => sum + value, 0) / Math.max(1, each.length);
}

const linesOf = (file: string): string[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
