import { createHash } from 'node:crypto';
import type { DebtFact, DebtSignal, FactKind } from '../../../../src/contract/debt/debt-facts.ts';
import { FACT_KINDS } from '../../../../src/contract/debt/debt-facts.ts';
import { DEBT_LIMITS } from '../../../../src/contract/debt/debt-limits.ts';
import type { DebtPolicy } from '../../../../src/contract/debt/debt-policy.ts';
import { EVERYTHING } from '../../../../src/debt/fact.ts';
import type { BlobReader } from '../repository/blob-reader.ts';
import type { LineTimes } from '../repository/line-times.ts';
import type { RangeCommits } from '../repository/range-commits.ts';
import type { ReadHistory } from '../repository/read-history.ts';
import type { ReadSource, Sources } from '../repository/read-sources.ts';
import type { Progress } from '../repository/progress.ts';
import type { Repository } from '../repository/repository.ts';

/** What collectors work on: one commit of a repository, read once for all. */
export interface Collection {
  readonly repository: Repository;
  readonly policy: DebtPolicy;
  readonly sources: Sources;
  /** Reads files of the commit, one at a time. */
  readonly blobs: BlobReader;
  readonly history: ReadHistory;
  readonly lineTimes: LineTimes;
  readonly rangeCommits: RangeCommits;
  /** When facts are collected, in seconds. */
  readonly nowS: number;
  /** What ages are counted back from, in seconds. */
  readonly asOfS: number;
  readonly progress: Progress;
}

/** Measures signals; those whose inputs a repository does not have it leaves out, which makes them unknown. */
export type Collector = (collection: Collection) => Promise<readonly DebtFact[]> | readonly DebtFact[];

/** What a fact was read from. */
export interface Source {
  readonly file: string;
  readonly sha256: string;
}

interface More {
  readonly symbol?: string;
  readonly detail?: DebtFact['detail'];
}

/** The package's own version: what measured is this program, except where another tool did. */
export const OWN_TOOL = { tool: 'sluice debt collect', tool_version: '0.6.0' } as const;
/** A month: code changes, and then is measured again. */
const CODE_TTL_S = 30 * 86_400;

/** Texts as long as a fact may hold: a list of owners, or a comment, can be longer. */
const cut = <Value extends string | number | boolean>(value: Value): Value =>
  typeof value === 'string' ? (value.slice(0, DEBT_LIMITS.debtValueCharsMax) as Value) : value;

/** Makes facts of one collection. */
export class FactWriter {
  readonly #collection: Collection;
  readonly #tool: { readonly tool: string; readonly tool_version: string };
  readonly #ttlS: number;
  readonly facts: DebtFact[] = [];

  constructor(collection: Collection, tool: { tool: string; tool_version: string } = OWN_TOOL, ttlS = CODE_TTL_S) {
    this.#collection = collection;
    this.#tool = tool;
    this.#ttlS = ttlS;
  }

  write(kind: FactKind, subject: string, value: number | string, { file, sha256 }: Source, { symbol, detail }: More = {}): void {
    const { repository, nowS } = this.#collection;
    this.facts.push({
      kind,
      subject,
      ...(symbol === undefined ? {} : { symbol: symbol.slice(0, DEBT_LIMITS.debtSubjectCharsMax) }),
      value: cut(value),
      unit: FACT_KINDS[kind].unit,
      ...(detail === undefined ? {} : { detail: Object.fromEntries(Object.entries(detail).map(([name, one]) => [name, cut(one)])) }),
      evidence: { file, sha256, ...this.#tool, git_commit: repository.commit },
      collected_at: nowS,
      ttl_s: this.#ttlS,
    });
  }

  /** That a signal was measured, by how many subjects. */
  census(signal: DebtSignal, subjects: number, source: Source, detail?: DebtFact['detail']): void {
    this.write('census', EVERYTHING, subjects, source, { symbol: signal, ...(detail === undefined ? {} : { detail }) });
  }
}

export const sourceOf = ({ path, sha256 }: ReadSource): Source => ({ file: path, sha256 });

/** All files of the commit, as evidence of what was found in none of them. */
export const treeOf = ({ repository, sources }: Collection): Source => ({
  file: `commit ${repository.commit}`,
  sha256: sha256Of(sources.tracked.map(({ path, blob }) => `${blob} ${path}`).join('\n')),
});

/** The history up to the commit, as evidence of who changed what and when. */
export const logOf = ({ repository, history }: Collection): Source => ({ file: `git log ${repository.commit}`, sha256: history.sha256 });

export const sha256Of = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
