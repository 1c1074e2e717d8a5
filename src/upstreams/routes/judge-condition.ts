import type { Condition, Range, TextTest } from '../../contract/routes/route-conditions.ts';
import type { RequestFacts } from './request-facts.ts';
import { ownText, shareOf } from './stable-share.ts';

/** What one member of a condition found: explanations are made of these. */
export interface Judged {
  /** The member, such as `prompt_tokens` or `metadata.tier`. */
  readonly member: string;
  /** What the request has there; null: nothing. */
  readonly value: string | number | boolean | readonly string[] | null;
  readonly holds: boolean;
  /** Of `all`, `any` and `not`: what each of their conditions found. */
  readonly of?: readonly (readonly Judged[])[];
}

/** Whether a condition holds of a request, and what each of its members found. Every value is judged by what the request has alone. [U90] */
export class ConditionJudge {
  readonly #facts: RequestFacts;
  /** Of the route: see `shareOf`. */
  readonly #scope: string;

  constructor(facts: RequestFacts, scope: string) {
    this.#facts = facts;
    this.#scope = scope;
  }

  /** Judges every member, whatever the others found, so that an explanation is whole. */
  judge(condition: Condition): readonly Judged[] {
    const { all, any, not, metadata, headers, budget, ...rest } = condition;
    const found: Judged[] = this.#plain(rest);
    for (const [name, test] of Object.entries(metadata ?? {}))
      found.push(judgedText(`metadata.${name}`, ownText(this.#facts.metadata, name), test));
    for (const [name, test] of Object.entries(headers ?? {}))
      found.push(judgedText(`headers.${name}`, ownText(this.#facts.headers, name), test));
    if (budget?.left_share !== undefined) found.push(judgedRange('budget.left_share', this.#facts.budget?.leftShare, budget.left_share));
    if (budget?.left_nano !== undefined) found.push(judgedRange('budget.left_nano', this.#facts.budget?.leftNano, budget.left_nano));
    if (all !== undefined) found.push(this.#joined('all', all, (branches) => branches.every(allHold)));
    if (any !== undefined) found.push(this.#joined('any', any, (branches) => branches.some(allHold)));
    if (not !== undefined) found.push(this.#joined('not', [not], (branches) => !branches.every(allHold)));
    return found;
  }

  #joined(member: string, conditions: readonly Condition[], holds: (branches: readonly (readonly Judged[])[]) => boolean): Judged {
    const of = conditions.map((condition) => this.judge(condition));
    return { member, value: null, holds: holds(of), of };
  }

  #plain(condition: Omit<Condition, 'all' | 'any' | 'not' | 'metadata' | 'headers' | 'budget'>): Judged[] {
    const facts = this.#facts;
    const found: Judged[] = [];
    const range = (member: string, value: number | undefined, test: Range | undefined) => {
      if (test !== undefined) found.push(judgedRange(member, value, test));
    };
    const oneOf = (member: string, value: string | undefined, accepted: readonly string[] | undefined) => {
      if (accepted !== undefined) found.push({ member, value: value ?? null, holds: value !== undefined && accepted.includes(value) });
    };
    oneOf('kind', facts.kind, condition.kind);
    range('prompt_bytes', facts.promptBytes, condition.prompt_bytes);
    range('prompt_tokens', facts.promptTokensMax, condition.prompt_tokens);
    range('output_tokens', facts.outputTokensMax, condition.output_tokens);
    range('messages', facts.messages, condition.messages);
    range('deadline_ms', facts.deadlineMs, condition.deadline_ms);
    range('priority', facts.priority, condition.priority);
    oneOf('tenant', facts.tenantId, condition.tenant);
    oneOf('project', facts.projectId, condition.project);
    oneOf('key', facts.keyId, condition.key);
    oneOf('country', facts.country, condition.country);
    oneOf('continent', facts.continent, condition.continent);
    oneOf('colo', facts.colo, condition.colo);
    if (condition.stream !== undefined) found.push({ member: 'stream', value: facts.stream, holds: facts.stream === condition.stream });
    if (condition.has !== undefined)
      found.push({ member: 'has', value: facts.has, holds: condition.has.every((feature) => facts.has.includes(feature)) });
    if (condition.breaker !== undefined) {
      const state = facts.breaker(condition.breaker.target);
      found.push({ member: `breaker.${condition.breaker.target}`, value: state, holds: condition.breaker.is.includes(state) });
    }
    if (condition.time !== undefined) found.push(judgedTime(facts.nowMs, condition.time));
    if (condition.share !== undefined) {
      const value = shareOf(facts, condition.share, this.#scope);
      found.push({ member: 'share', value, holds: value < condition.share.of });
    }
    return found;
  }
}

export const allHold = (found: readonly Judged[]): boolean => found.every(({ holds }) => holds);

/** A value that the request does not have is in no range. */
const judgedRange = (member: string, value: number | undefined, range: Range): Judged => ({
  member,
  value: value ?? null,
  holds: value !== undefined && lies(value, range),
});

const lies = (value: number, { gt, gte, lt, lte }: Range): boolean =>
  (gt === undefined || value > gt) &&
  (gte === undefined || value >= gte) &&
  (lt === undefined || value < lt) &&
  (lte === undefined || value <= lte);

function judgedText(member: string, value: string | undefined, { in: accepted, prefix, exists }: TextTest): Judged {
  const holds =
    (accepted === undefined || (value !== undefined && accepted.includes(value))) &&
    (prefix === undefined || (value?.startsWith(prefix) ?? false)) &&
    (exists === undefined || exists === (value !== undefined));
  return { member, value: value ?? null, holds };
}

const MINUTES_OF_DAY = 24 * 60;
const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
/** The first day of the Unix epoch was a Thursday. */
const EPOCH_DAY = 4;

/** The day of a time that began before midnight is the day on which it began. */
function judgedTime(nowMs: number, { from, to, days, utc_offset_minutes: offset }: NonNullable<Condition['time']>): Judged {
  const minutes = Math.floor(nowMs / 60_000) + offset;
  const day = Math.floor(minutes / MINUTES_OF_DAY);
  const minute = minutes - day * MINUTES_OF_DAY;
  const [start, end] = [minutesOf(from), minutesOf(to)];
  const spansMidnight = end <= start;
  const isWithin = spansMidnight ? minute >= start || minute < end : minute >= start && minute < end;
  const began = spansMidnight && minute < end ? day - 1 : day;
  const dayName = DAYS[(((began + EPOCH_DAY) % 7) + 7) % 7];
  const isDay = days === undefined || (dayName !== undefined && days.includes(dayName));
  return { member: 'time', value: clock(minute), holds: isWithin && isDay };
}

function minutesOf(time: string): number {
  const [hours = '0', minutes = '0'] = time.split(':');
  return Number(hours) * 60 + Number(minutes);
}

const clock = (minute: number): string => `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`;
