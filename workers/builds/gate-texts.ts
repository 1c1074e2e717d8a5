import { readFile } from 'node:fs/promises';

import * as z from 'zod';

import type { Relevance } from '../../src/inference/build/gate/retrieval-figures.ts';
import { glossTexts } from '../../src/inference/build/wordnet.ts';
import { UnusableInput } from './build-error.ts';
import { readSynsets } from './wordnet-files.ts';

/** Texts that a gate embeds under both models. */
export interface GateTexts {
  readonly queries: readonly string[];
  readonly documents: readonly string[];
  readonly relevance: Relevance;
}

export interface PairTexts {
  readonly left: readonly string[];
  readonly right: readonly string[];
  readonly scores: readonly number[];
}

const document = z.object({ id: z.string(), text: z.string() });
const query = z.object({ text: z.string(), relevant: z.record(z.string(), z.number().positive()) });
const pair = z.object({ left: z.string(), right: z.string(), score: z.number() });
/** Of a file of both: a query says which documents answer it, by their ids or with a grade each. */
const ranked = z.union([
  document,
  z.object({ query: z.string(), relevant: z.union([z.array(z.string()).min(1), z.record(z.string(), z.number().positive())]) }),
]);

/** The definitions that are asked for where nothing else is. */
const WORDNET_PROBES = { file: 'data.noun', count: 2_000, seed: 1 };

/** Definitions of WordNet's nouns as queries, their first lemmas as documents: the definition's own lemma answers it. */
export async function wordnetTexts(): Promise<GateTexts> {
  const { file, count, seed } = WORDNET_PROBES;
  const texts = glossTexts(await readSynsets(file), count, seed);
  return {
    queries: texts.map(({ gloss }) => gloss),
    documents: texts.map(({ lemma }) => lemma),
    relevance: texts.map((_, i) => new Map([[i, 1]])),
  };
}

/** JSON lines: documents `{"id", "text"}`, queries `{"text", "relevant": {ID: GRADE}}`. */
export async function readGateTexts(documentsPath: string, queriesPath: string): Promise<GateTexts> {
  const documents = await readLines(documentsPath, document);
  const queries = (await readLines(queriesPath, query)).map((asked, at) => ({ ...asked, line: at + 1 }));
  return {
    queries: queries.map(({ text }) => text),
    documents: documents.map(({ text }) => text),
    relevance: relevanceOf(queries, documents, queriesPath),
  };
}

/** JSON lines of both: documents `{"id", "text"}`, and queries `{"query", "relevant": [ID] or {ID: GRADE}}`. */
export async function readRetrieval(path: string): Promise<GateTexts> {
  const lines = await readLines(path, ranked);
  const documents = lines.filter((line) => 'id' in line);
  const queries = lines.flatMap((line, at) =>
    'query' in line ? [{ text: line.query, relevant: gradesOf(line.relevant), line: at + 1 }] : [],
  );
  if (queries.length === 0 || documents.length === 0)
    throw new UnusableInput(`${path} has ${queries.length} queries and ${documents.length} documents.`);
  return {
    queries: queries.map(({ text }) => text),
    documents: documents.map(({ text }) => text),
    relevance: relevanceOf(queries, documents, path),
  };
}

const gradesOf = (relevant: readonly string[] | Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Array.isArray(relevant) ? Object.fromEntries(relevant.map((id: string) => [id, 1])) : (relevant as Readonly<Record<string, number>>);

function relevanceOf(
  queries: readonly { readonly relevant: Readonly<Record<string, number>>; readonly line: number }[],
  documents: readonly { readonly id: string }[],
  path: string,
): Relevance {
  const positions = new Map(documents.map(({ id }, position) => [id, position]));
  return queries.map(({ relevant, line }) => {
    const grades = Object.entries(relevant).map(([id, grade]): [number, number] => {
      const position = positions.get(id);
      if (position === undefined) throw new UnusableInput(`${path}, line ${line}: no document has the id ${JSON.stringify(id)}.`);
      return [position, grade];
    });
    return new Map(grades);
  });
}

/** JSON lines `{"left", "right", "score"}`. */
export async function readPairs(path: string): Promise<PairTexts> {
  const pairs = await readLines(path, pair);
  return { left: pairs.map(({ left }) => left), right: pairs.map(({ right }) => right), scores: pairs.map(({ score }) => score) };
}

async function readLines<T>(path: string, schema: z.core.$ZodType<T>): Promise<T[]> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UnusableInput(`${path} cannot be read.`);
  });
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) throw new UnusableInput(`${path} is empty.`);
  return lines.map((line, at) => {
    const parsed = z.safeParse(schema, json(line));
    if (!parsed.success) throw new UnusableInput(`${path}, line ${at + 1}: ${z.prettifyError(parsed.error)}.`);
    return parsed.data;
  });
}

function json(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
