import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { DebtFact, DebtFactFile } from '../../../src/contract/debt/debt-facts.ts';
import { debtFactFile } from '../../../src/contract/debt/debt-facts.ts';
import type { DebtPolicy } from '../../../src/contract/debt/debt-policy.ts';
import { FactSet } from '../../../src/debt/fact.ts';
import { Failure } from '../command/command.ts';
import { checkedBy, jsonFile } from '../command/json-file.ts';
import { teams } from './collect-teams.ts';
import { COLLECTORS } from './collectors/collectors.ts';
import { BlobReader } from './repository/blob-reader.ts';
import { GitFailure } from './repository/git.ts';
import { keep } from './repository/kept-files.ts';
import { LineTimes } from './repository/line-times.ts';
import { Progress } from './repository/progress.ts';
import { RangeCommits } from './repository/range-commits.ts';
import type { ReadHistory } from './repository/read-history.ts';
import { readHistory } from './repository/read-history.ts';
import { readSources } from './repository/read-sources.ts';
import type { Repository } from './repository/repository.ts';
import { openRepository, policyOf, prepareCache } from './repository/repository.ts';

export interface MeasureOptions {
  readonly commit?: string;
  readonly cache?: string;
  readonly policy?: string;
}

/** What was measured of a commit. */
export interface Measured {
  readonly repository: Repository;
  readonly policy: DebtPolicy;
  readonly file: DebtFactFile;
  /** Those of the file. */
  readonly facts: FactSet;
  readonly history: ReadHistory;
  /** Sources and commits that were read now, and how many there are. */
  readonly read: { readonly files: number; readonly ofFiles: number; readonly commits: number; readonly ofCommits: number };
}

/** Measures a commit; `history`: of a later one, so that two commits differ by their code alone. */
export async function measure(path: string, options: MeasureOptions, nowS: number, history?: ReadHistory): Promise<Measured> {
  const repository = await openRepository(path, options.commit ?? 'HEAD', options.cache);
  try {
    return await measureIn(repository, options, nowS, history);
  } catch (error) {
    // A clone may lack texts without saying so: what names alone tell is still of use.
    if (repository.lacksTexts || !(error instanceof GitFailure)) throw error;
    return measureIn({ ...repository, lacksTexts: true }, options, nowS, history);
  }
}

async function measureIn(
  repository: Repository,
  options: MeasureOptions,
  nowS: number,
  history: ReadHistory | undefined,
): Promise<Measured> {
  await prepareCache(repository);
  const policy = await policyOf(repository, options.policy);
  const progress = new Progress();
  const blobs = new BlobReader(repository.root);
  try {
    const read = history ?? (await readHistory(repository, progress));
    const sources = await readSources(repository, policy.ignore, progress);
    const [lineTimes, rangeCommits] = [await LineTimes.open(repository), await RangeCommits.open(repository)];
    // A commit that is named is judged as of its time, and the newest one as of now.
    const asOfS = options.commit === undefined ? nowS : Math.min(nowS, repository.committedAtS);
    const collection = { repository, policy, sources, blobs, history: read, lineTimes, rangeCommits, nowS, asOfS, progress };
    const facts: DebtFact[] = [];
    for (const collect of COLLECTORS) for (const fact of await collect(collection)) facts.push(fact);
    // A comparison with an earlier commit is of code alone.
    if (history === undefined) for (const fact of await teams(collection)) facts.push(fact);
    await lineTimes.save();
    await rangeCommits.save();
    return {
      repository,
      policy,
      file: { format: 'sluice-debt-facts-1', repository: repository.name, git_commit: repository.commit, collected_at: nowS, facts },
      facts: new FactSet(facts, nowS),
      history: read,
      read: {
        files: sources.readCount,
        ofFiles: sources.sourceCount,
        commits: history === undefined ? read.readCount : 0,
        ofCommits: read.commitCount,
      },
    };
  } finally {
    blobs.close();
    progress.end();
  }
}

/** Measures an earlier commit by the history of a later one, so that the two differ by their code alone. */
export const measureEarlier = ({ repository, history, facts }: Measured, options: MeasureOptions, commit: string): Promise<Measured> =>
  measure(repository.root, { ...options, commit }, facts.nowS, history);

const FACTS_FILE = 'facts.json';

/**
 * Keeps the facts of a collection. A signal that an earlier one knew and this one does not stays as a census that has expired: leaving off an input
 * makes it unknown, not unexpected. [D8]
 */
export async function keepFacts({ repository, file }: Measured): Promise<string> {
  const path = factsFileOf(repository);
  const earlier = existsSync(path) ? await readFacts(path) : undefined;
  const counted = new Set(censusesOf(file.facts).map(({ symbol }) => symbol));
  const lost = censusesOf(earlier?.facts ?? []).filter(({ symbol }) => !counted.has(symbol));
  await keep(path, { ...file, facts: [...file.facts, ...lost.map((census) => ({ ...census, collected_at: 0, ttl_s: 1 }))] });
  return path;
}

const censusesOf = (facts: readonly DebtFact[]): DebtFact[] => facts.filter(({ kind }) => kind === 'census');

/** Facts that were collected before, from the file that `collect` wrote or another one. */
export async function readFacts(file: string): Promise<DebtFactFile> {
  if (!existsSync(file)) throw new Failure(`there is no ${file}: run \`sluice debt collect\` first`);
  return checkedBy(debtFactFile, await jsonFile(file), `the facts ${file}`);
}

export const factsFileOf = ({ cache }: Repository): string => join(cache, FACTS_FILE);
