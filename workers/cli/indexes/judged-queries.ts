import { readFile } from 'node:fs/promises';
import * as z from 'zod';

import { UsageError } from '../command/command.ts';
import { checkedBy, jsonIn } from '../command/json-file.ts';

/** A query, and what documents are worth for it, by id. */
export interface JudgedText {
  readonly id: string;
  readonly text: string;
  readonly relevant: Readonly<Record<string, number>>;
}

export interface JudgedTexts {
  /** Those of which something is relevant. */
  readonly queries: readonly JudgedText[];
  /** How many have a text and nothing relevant. */
  readonly withoutRelevant: number;
  /** How many were judged and have no text. */
  readonly withoutText: number;
}

interface Line {
  readonly text: string;
  /** The file and the line, as messages name it. */
  readonly place: string;
}

type Gains = Map<string, number>;

const idOfQuery = z
  .union([z.string().min(1), z.number()])
  .transform(String)
  .optional();

/** A query as BEIR writes it, or with its judgements. */
const jsonQuery = z.object({
  _id: idOfQuery,
  id: idOfQuery,
  text: z.string().min(1),
  relevant: z.union([z.record(z.string(), z.number()), z.array(z.string())]).optional(),
});

/** First columns of files with a heading. */
const HEADINGS: ReadonlySet<string> = new Set(['id', '_id', 'qid', 'query-id', 'query_id']);

/**
 * Queries (`ID <tab> TEXT`, or JSON lines {"id" or "_id", "text", "relevant"}) with the judgements of a file: `QUERY 0 DOCUMENT GRADE` as TREC has
 * them, or `QUERY DOCUMENT GRADE` as BEIR does, with a heading or without. Throws a `UsageError` that names the line.
 */
export async function readJudgedTexts(queriesPath: string, qrelsPath: string | undefined): Promise<JudgedTexts> {
  const { texts, gains } = queriesIn(await linesOf(queriesPath));
  if (qrelsPath !== undefined) for (const line of await linesOf(qrelsPath)) addJudgement(gains, line);
  else if (gains.size === 0) throw new UsageError(`${queriesPath} has no judgements: give them with --qrels`);
  const all = [...texts].map(([id, text]) => ({ id, text, relevant: Object.fromEntries(gains.get(id) ?? []) }));
  const queries = all.filter(({ relevant }) => Object.values(relevant).some((gain) => gain > 0));
  if (queries.length === 0) throw new UsageError(`nothing is relevant for any query of ${queriesPath}: are the ids those of --qrels?`);
  const withoutText = [...gains.keys()].filter((id) => !texts.has(id)).length;
  return { queries, withoutRelevant: all.length - queries.length, withoutText };
}

async function linesOf(path: string): Promise<Line[]> {
  const read = await readFile(path, 'utf8').catch((error: Error) => {
    throw new UsageError(`cannot read ${path}: ${error.message}`);
  });
  return read
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((text, at) => ({ text, place: `${path}:${at + 1}` }))
    .filter(({ text }) => text.trim() !== '');
}

function queriesIn(lines: readonly Line[]): { readonly texts: ReadonlyMap<string, string>; readonly gains: Map<string, Gains> } {
  const texts = new Map<string, string>();
  const gains = new Map<string, Gains>();
  for (const [at, line] of lines.entries()) {
    const { id, text, relevant } = line.text.startsWith('{') ? queryOfJson(line) : queryOfColumns(line);
    if (at === 0 && HEADINGS.has(id)) continue;
    if (texts.has(id)) throw new UsageError(`${line.place} has the query ${id} again`);
    texts.set(id, text);
    if (relevant !== undefined) gains.set(id, new Map(Object.entries(relevant)));
  }
  return { texts, gains };
}

function queryOfColumns({ text, place }: Line): JudgedText | (Omit<JudgedText, 'relevant'> & { readonly relevant?: undefined }) {
  const tab = text.indexOf('\t');
  if (tab < 1) throw new UsageError(`${place} has no tab between the id and the text of a query`);
  return { id: text.slice(0, tab).trim(), text: text.slice(tab + 1).trim() };
}

function queryOfJson({ text: written, place }: Line) {
  const { _id, id = _id, text, relevant } = checkedBy(jsonQuery, jsonIn(written, place), place);
  if (id === undefined) throw new UsageError(`${place} has no id`);
  return { id, text, relevant: Array.isArray(relevant) ? Object.fromEntries(relevant.map((one) => [one, 1])) : relevant };
}

function addJudgement(gains: Map<string, Gains>, { text, place }: Line): void {
  const columns = (text.includes('\t') ? text.split('\t') : text.trim().split(/\s+/)).map((column) => column.trim());
  const [query = '', document = '', grade = ''] = columns.length === 4 ? columns.toSpliced(1, 1) : columns;
  if (HEADINGS.has(query)) return;
  if (columns.length !== 3 && columns.length !== 4) {
    throw new UsageError(`${place} has ${columns.length} columns; a judgement has QUERY 0 DOCUMENT GRADE, or QUERY DOCUMENT GRADE`);
  }
  if (!/^[+-]?\d+(\.\d+)?$/.test(grade)) throw new UsageError(`${place} has no number for a grade`);
  const ofQuery = gains.get(query) ?? new Map<string, number>();
  if (ofQuery.has(document) && ofQuery.get(document) !== Number(grade)) {
    throw new UsageError(`${place} judges ${document} for the query ${query} again, in another way`);
  }
  gains.set(query, ofQuery.set(document, Number(grade)));
}
