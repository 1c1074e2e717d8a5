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
export function scifact(root = COLLECTIONS): Collection | undefined {
  const folder = join(root, 'scifact');
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

/** The Cranfield collection (Cleverdon 1967): abstracts of aerodynamics. Its judgements name queries by their positions. */
export function cranfield(root = COLLECTIONS): Collection | undefined {
  const folder = join(root, 'cranfield');
  if (!existsSync(join(folder, 'cran.all.1400.xml'))) return undefined;
  const taggedIn = (file: string, tag: string): string[] =>
    [...readFileSync(join(folder, file), 'utf8').matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, 'g'))].map(([, text = '']) =>
      text.replaceAll(/\s+/g, ' ').trim(),
    );
  const queries = taggedIn('cran.qry.xml', 'title');
  const relevance = queries.map(() => new Map<number, number>());
  for (const line of linesOf(join(folder, 'cranqrel.trec.txt'))) {
    const [query = '', , document = '', grade] = line.trim().split(/\s+/);
    if (Number(grade) > 0) relevance[Number(query) - 1]?.set(Number(document) - 1, Number(grade));
  }
  return { name: 'Cranfield', documents: taggedIn('cran.all.1400.xml', 'text'), queries, relevance };
}

/** The first questions, the documents that answer them, and others up to a number. */
export function sampled({ name, documents, queries, relevance }: Collection, size: { queries: number; documents: number }): Collection {
  const of = relevance.slice(0, size.queries);
  const kept = new Set(of.flatMap((judged) => [...judged.keys()]));
  for (let at = 0; at < documents.length && kept.size < size.documents; at += 1) kept.add(at);
  const positionOf = new Map([...kept].map((position, i) => [position, i]));
  return {
    name,
    documents: [...kept].map((position) => documents[position] ?? ''),
    queries: queries.slice(0, size.queries),
    relevance: of.map((judged) => new Map([...judged].map(([position, grade]) => [positionOf.get(position) ?? -1, grade]))),
  };
}

interface SquadFile {
  readonly data: readonly {
    readonly paragraphs: readonly { readonly context: string; readonly qas: readonly { readonly question: string }[] }[];
  }[];
}

/** XQuAD (Artetxe et al. 2020) in one language: the paragraph of a question is its answer. */
export function xquad(language: string, root = COLLECTIONS): Collection | undefined {
  const file = join(root, 'xquad', `xquad.${language}.json`);
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
