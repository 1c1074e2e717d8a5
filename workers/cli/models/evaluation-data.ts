import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { must } from '../../../src/kernel/assert.ts';

/** Pairs of sentences and how alike people found them. */
export interface SentencePairs {
  readonly left: readonly string[];
  readonly right: readonly string[];
  readonly scores: readonly number[];
}

/** A test collection: which documents (by position) answer which queries, with grades. */
export interface TestCollection {
  readonly queries: readonly string[];
  readonly documents: readonly string[];
  readonly relevant: readonly ReadonlyMap<number, number>[];
}

/** `stsb/stsb-en-dev.csv` below `folder`: the development part of the STS benchmark. */
export async function readSentencePairs(folder: string): Promise<SentencePairs> {
  const text = await readFile(join(folder, 'stsb', 'stsb-en-dev.csv'), 'utf8');
  const rows = text.trim().split(/\r?\n/).map(csvFields);
  const column = (at: number) => rows.map((row) => must(row[at], 'three fields a line'));
  return { left: column(0), right: column(1), scores: column(2).map(Number) };
}

const csvFields = (line: string): string[] =>
  Array.from(line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain = '']) => quoted?.replaceAll('""', '"') ?? plain);

/** `cranfield/` below `folder`, as TREC files. Judgements name queries by position. */
export async function readCranfield(folder: string): Promise<TestCollection> {
  const read = (name: string) => readFile(join(folder, 'cranfield', name), 'utf8');
  const [documents, queries, judgements] = await Promise.all(['cran.all.1400.xml', 'cran.qry.xml', 'cranqrel.trec.txt'].map(read));
  const relevant = elements(must(queries, 'read'), 'top').map(() => new Map<number, number>());
  for (const line of must(judgements, 'read').trim().split('\n')) {
    const [query = 0, , document = 0, grade = 0] = line.trim().split(/\s+/).map(Number);
    if (grade > 0) must(relevant[query - 1], 'a judged query').set(document - 1, 1);
  }
  return {
    documents: elements(must(documents, 'read'), 'doc').map((doc) => elements(doc, 'text')[0] ?? ''),
    queries: elements(must(queries, 'read'), 'top').map((top) => elements(top, 'title')[0] ?? ''),
    relevant,
  };
}

const elements = (text: string, tag: string): string[] =>
  Array.from(text.matchAll(new RegExp(`<${tag}>(.*?)</${tag}>`, 'gs')), ([, content = '']) => content);

interface ScifactDocument {
  readonly id: string;
  readonly title: string;
  readonly text: string;
}

/** `scifact/` below `folder`: the test claims (`queries.tsv`), the abstracts (`corpus.jsonl`) and the judgements (`qrels.txt`) of BEIR. */
export async function readScifact(folder: string): Promise<TestCollection> {
  const read = async (name: string) => (await readFile(join(folder, 'scifact', name), 'utf8')).trim().split('\n');
  const [lines, claims, judgements] = [await read('corpus.jsonl'), await read('queries.tsv'), await read('qrels.txt')];
  const documents = lines.map((line) => JSON.parse(line) as ScifactDocument);
  const places = new Map(documents.map(({ id }, at) => [id, at]));
  const queries = claims.map((line) => line.split('\t'));
  const relevant = new Map(queries.map(([id = '']) => [id, new Map<number, number>()]));
  for (const line of judgements) {
    const [query = '', , document = '', grade = ''] = line.trim().split(/\s+/);
    if (Number(grade) > 0) relevant.get(query)?.set(must(places.get(document), 'a judged document'), Number(grade));
  }
  return {
    documents: documents.map(({ title, text }) => `${title} ${text}`),
    queries: queries.map(([, text = '']) => text),
    relevant: [...relevant.values()],
  };
}

interface XquadArticle {
  readonly paragraphs: readonly { readonly context: string; readonly qas: readonly { readonly question: string }[] }[];
}

/** `xquad/xquad.LANGUAGE.json` below `folder`: which of all paragraphs answers a question. */
export async function readXquad(folder: string, language: string, questionsMax = Number.POSITIVE_INFINITY): Promise<TestCollection> {
  const file = await readFile(join(folder, 'xquad', `xquad.${language}.json`), 'utf8');
  const { data } = JSON.parse(file) as { readonly data: readonly XquadArticle[] };
  const paragraphs = data.flatMap((article) => article.paragraphs);
  const asked = paragraphs.flatMap(({ qas }, at) => qas.map(({ question }) => ({ question, at }))).slice(0, questionsMax);
  return {
    documents: paragraphs.map(({ context }) => context),
    queries: asked.map(({ question }) => question),
    relevant: asked.map(({ at }) => new Map([[at, 1]])),
  };
}
