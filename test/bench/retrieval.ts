import { loadavg } from 'node:os';

import type { Language } from '../../src/contract/indexes/analysis.ts';
import { analysisSettings } from '../../src/contract/indexes/analysis.ts';
import type { Analyser } from '../../src/text/analysis/analyser.ts';
import { analyserOf } from '../../src/text/analysis/analyser.ts';
import { TERM_USE } from '../../src/text/analysis/term.ts';
import type { Collection } from './encoders/collections.ts';
import { cranfield, meanNdcgAt10, scifact, xquad } from './encoders/collections.ts';
import { ExhaustiveBm25 } from '../../src/text/judging/exhaustive-bm25.ts';

interface Case {
  readonly language: Language;
  readonly collection: (data?: string) => Collection | undefined;
  /** What a plain exhaustive BM25 of the same parameters reached. */
  readonly reference: number;
}

const CASES: readonly Case[] = [
  { language: 'english', collection: scifact, reference: 0.683 },
  { language: 'english', collection: cranfield, reference: 0.386 },
  { language: 'english', collection: (data) => xquad('en', data), reference: 0.964 },
  { language: 'german', collection: (data) => xquad('de', data), reference: 0.94 },
  { language: 'chinese', collection: (data) => xquad('zh', data), reference: 0.963 },
];

/** How well texts are found by their terms alone, scored exhaustively (BM25), and how long analysing them takes. */
export async function retrievalBench({ data }: { readonly data?: string | undefined }): Promise<void> {
  const rows = CASES.flatMap(({ language, collection, reference }) => {
    const found = collection(data);
    if (found === undefined) return [];
    const analyser = analyserOf(analysisSettings.parse({ language }));
    const cpu = cpuPerThousandChars(found.documents, analyser);
    return [
      { collection: found.name, 'nDCG@10': ndcgOf(found, analyser).toFixed(4), reference, 'us per 1,000 characters': cpu.toFixed(1) },
    ];
  });
  if (rows.length === 0) return console.log('No collections: give their folder by --data DIR.');
  console.table(rows);
  console.log(`k1 1.2, b 0.75, depth 10; load ${loadavg()[0]?.toFixed(1)}`);
}

function ndcgOf({ documents, queries, relevance }: Collection, analyser: Analyser): number {
  const index = new ExhaustiveBm25(documents, analyser);
  return meanNdcgAt10(
    queries.map((query) => index.best(query, 10)),
    relevance,
  );
}

/** CPU time of a second pass, when words are known. */
function cpuPerThousandChars(texts: readonly string[], analyser: Analyser): number {
  let terms = 0;
  const pass = (): void => {
    for (const text of texts) analyser.analyse(text, (_term, _position, _start, _end, use) => (terms += use & TERM_USE.counts));
  };
  pass();
  const before = process.cpuUsage();
  pass();
  const chars = texts.reduce((sum, text) => sum + text.length, 0);
  return (process.cpuUsage(before).user / chars) * 1_000;
}
