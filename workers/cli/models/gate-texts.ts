import { readFile } from 'node:fs/promises';

import * as z from 'zod';

import type { Relevance } from '../../../src/inference/build/gate/retrieval-figures.ts';
import { glossTexts } from '../../../src/inference/build/wordnet.ts';
import { UsageError } from '../command.ts';
import { GLOVE_SIF_100 } from './glove-sif-100.ts';
import { readSynsets } from './sources.ts';

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

/** Definitions of WordNet's nouns as queries, their first lemmas as documents: the definition's own lemma answers it. */
export async function wordnetTexts(): Promise<GateTexts> {
  const { file, count, seed } = GLOVE_SIF_100.probes;
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
  const queries = await readLines(queriesPath, query);
  const positions = new Map(documents.map(({ id }, position) => [id, position]));
  const relevance = queries.map(({ relevant }, at) => {
    const grades = Object.entries(relevant).map(([id, grade]): [number, number] => {
      const position = positions.get(id);
      if (position === undefined) throw new UsageError(`${queriesPath}, line ${at + 1}: no document has the id ${JSON.stringify(id)}.`);
      return [position, grade];
    });
    return new Map(grades);
  });
  return { queries: queries.map(({ text }) => text), documents: documents.map(({ text }) => text), relevance };
}

/** JSON lines `{"left", "right", "score"}`. */
export async function readPairs(path: string): Promise<PairTexts> {
  const pairs = await readLines(path, pair);
  return { left: pairs.map(({ left }) => left), right: pairs.map(({ right }) => right), scores: pairs.map(({ score }) => score) };
}

async function readLines<T>(path: string, schema: z.ZodType<T>): Promise<T[]> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UsageError(`${path} cannot be read.`);
  });
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  if (lines.length === 0) throw new UsageError(`${path} is empty.`);
  return lines.map((line, at) => {
    const parsed = schema.safeParse(json(line));
    if (!parsed.success) throw new UsageError(`${path}, line ${at + 1}: ${z.prettifyError(parsed.error)}.`);
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
