import type { FactSet } from '../fact.ts';
import { COMPLEXITY_TARGET } from './costly-function.ts';
import { detailOf, numberOf, textDetailOf } from './rule.ts';

/** What a file carries by its text and imports alone: neither age, nor churn, nor what other files are like. */
export interface FileDebt {
  readonly minutes: number;
  readonly lines: number;
}

interface ExplainedDebt extends FileDebt {
  /** What it carries, each in words. */
  readonly why: readonly string[];
}

export type DebtOfFiles = ReadonlyMap<string, ExplainedDebt>;

interface Share {
  readonly files: readonly string[];
  /** For each of them. */
  readonly minutes: number;
  readonly why: string;
}

/**
 * The debt of each file by rules that only a change of code can make fire: complex functions, hot or not, copies, cycles, layers, type holes.
 * Thus two commits compare by what was done between them. [D15]
 */
export function debtOfFiles(facts: FactSet): DebtOfFiles {
  const minutes = new Map<string, number>();
  const reasons = new Map<string, string[]>();
  for (const share of sharesOf(facts)) {
    for (const file of share.files) {
      minutes.set(file, (minutes.get(file) ?? 0) + share.minutes);
      const others = reasons.get(file);
      if (others === undefined) reasons.set(file, [share.why]);
      else others.push(share.why);
    }
  }
  return new Map(
    facts
      .of('code-lines')
      .map((fact) => [
        fact.subject,
        { minutes: minutes.get(fact.subject) ?? 0, lines: numberOf(fact), why: reasons.get(fact.subject) ?? [] },
      ]),
  );
}

function* sharesOf(facts: FactSet): Iterable<Share> {
  for (const fact of facts.of('code-complexity')) {
    if (fact.symbol === undefined || numberOf(fact) <= COMPLEXITY_TARGET) continue;
    const why = `${fact.symbol} (line ${detailOf(fact, 'line')}) has a complexity of ${numberOf(fact)}`;
    yield { files: [fact.subject], minutes: 10 + numberOf(fact) - COMPLEXITY_TARGET, why };
  }
  for (const fact of facts.of('clone')) {
    const files = [fact.subject, fact.symbol ?? fact.subject];
    const why = `${numberOf(fact)} lines of ${files[0]} (line ${detailOf(fact, 'line')}) and ${files[1]} (line ${detailOf(fact, 'other_line')}) are the same`;
    yield { files, minutes: (10 + numberOf(fact) / 2) / 2, why };
  }
  for (const fact of facts.of('import-cycle')) {
    const files = textDetailOf(fact, 'through').split(' ');
    yield { files, minutes: 60 / files.length, why: `imports in a circle: ${files.slice(0, 4).join(' > ')}` };
  }
  for (const fact of facts.of('layer-break')) {
    yield { files: [fact.subject], minutes: 20, why: `imports ${fact.symbol}, which its layer may not` };
  }
  for (const fact of facts.of('type-hole')) {
    yield { files: [fact.subject], minutes: 2 * numberOf(fact), why: `${numberOf(fact)} times ${fact.symbol}` };
  }
}

/** Minutes and lines of some files, or of all. */
export function sumOfFiles(debt: DebtOfFiles, files: Iterable<string> = debt.keys()): FileDebt {
  let [minutes, lines] = [0, 0];
  for (const file of files) {
    minutes += debt.get(file)?.minutes ?? 0;
    lines += debt.get(file)?.lines ?? 0;
  }
  return { minutes, lines };
}

/** Minutes of debt for each line; of no lines none. */
const perLine = ({ minutes, lines }: FileDebt): number => (lines === 0 ? 0 : minutes / lines);

export interface RatchetResult {
  readonly base: FileDebt;
  readonly head: FileDebt;
  readonly isWorse: boolean;
  /** Changed files that carry more than before, the worst first. */
  readonly worse: readonly { readonly file: string; readonly before: number; readonly after: number; readonly why: readonly string[] }[];
}

/** So much of a minute a line is rounding, not debt. */
const TOLERANCE = 1e-9;

/**
 * Whether the files that changed carry more debt for each line than before. If all of them are new, they are compared with what all files carried
 * before.
 */
export function ratchet(base: DebtOfFiles, head: DebtOfFiles, changed: readonly string[]): RatchetResult {
  const before = sumOfFiles(base, changed);
  const compared = before.lines === 0 ? sumOfFiles(base) : before;
  const after = sumOfFiles(head, changed);
  const worse = changed
    .map((file) => {
      const [was, is] = [base.get(file), head.get(file)];
      const why = (is?.why ?? []).filter((one) => was?.why.includes(one) !== true);
      return { file, before: was?.minutes ?? 0, after: is?.minutes ?? 0, why };
    })
    .filter((one) => one.after > one.before)
    .sort((a, b) => b.after - b.before - (a.after - a.before));
  return { base: compared, head: after, isWorse: perLine(after) > perLine(compared) + TOLERANCE, worse };
}

/** Whether a repository as a whole carries more for each line than a baseline, where the commit of the baseline is not at hand. */
export const isWorseThan = (head: FileDebt, base: FileDebt): boolean => perLine(head) > perLine(base) + TOLERANCE;
