import { must } from '../../kernel/assert.ts';
import type { Choice, LeafChoice, RouteVersion } from '../../contract/routes/route-rules.ts';
import type { Judged } from './judge-condition.ts';
import { allHold, ConditionJudge } from './judge-condition.ts';
import type { RequestFacts } from './request-facts.ts';
import type { Division } from './stable-share.ts';
import { shareOf } from './stable-share.ts';

/** A rule that was looked at, in order; the last one is the one that applied, if any did. */
export interface JudgedRule {
  readonly rule: string;
  readonly holds: boolean;
  readonly conditions: readonly Judged[];
}

/** What a version of a route says of one request, and why. */
export interface Evaluation {
  readonly choice: LeafChoice;
  /** `rule:` and a name, or `default`; of a split, a slash and the part follow. */
  readonly reason: string;
  readonly rules: readonly JudgedRule[];
  /** Where the request fell in the split that decided. */
  readonly split?: { readonly part: string; readonly value: number };
}

/** The first rule whose condition holds decides, else the default. Total: some choice is made for every request. [U90] */
export function evaluateRoute(route: string, version: RouteVersion, facts: RequestFacts): Evaluation {
  const judge = new ConditionJudge(facts, route);
  const rules: JudgedRule[] = [];
  for (const { name, when, use } of version.rules) {
    const conditions = judge.judge(when);
    const holds = allHold(conditions);
    rules.push({ rule: name, holds, conditions });
    if (holds) return chosen(use, `rule:${name}`, rules, (division) => shareOf(facts, division, `${route} rule ${name}`));
  }
  return chosen(version.default, 'default', rules, (division) => shareOf(facts, division, `${route} default`));
}

function chosen(choice: Choice, reason: string, rules: readonly JudgedRule[], share: (division: Division) => number): Evaluation {
  if (choice.kind !== 'split') return { choice, reason, rules };
  const value = share(choice);
  const part = partAt(choice.parts, value);
  return { choice: part.use, reason: `${reason}/${part.name}`, rules, split: { part: part.name, value } };
}

/** The part that a number in [0, 1) falls into: each takes its weight of all weights. Whole numbers are compared, so none is lost between two. */
function partAt<P extends { readonly weight: number }>(parts: readonly P[], value: number): P {
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  let end = 0;
  for (const part of parts) {
    end += part.weight;
    if (value * total < end) return part;
  }
  return must(parts.at(-1), 'a split has parts');
}
