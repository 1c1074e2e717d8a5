import type { Condition, Range, TextTest } from '../../contract/routes/route-conditions.ts';

// What follows from conditions without a request. Only sure things are said: what is not known to be implied is not.

/** Conditions are compared with each other by the square of their count: what is said of one alone is worked out once. */
const impossible = new WeakMap<Condition, boolean>();
const written = new WeakMap<object, string>();

/** Whether nothing meets the condition. */
export function isImpossible(condition: Condition): boolean {
  const known = impossible.get(condition) ?? meetsNothing(condition);
  impossible.set(condition, known);
  return known;
}

function meetsNothing(condition: Condition): boolean {
  const { all = [], any, share, budget, breaker: _, ...rest } = condition;
  if (share?.of === 0) return true;
  const ranges = [rest.prompt_bytes, rest.prompt_tokens, rest.output_tokens, rest.messages, rest.deadline_ms, rest.priority];
  if ([...ranges, budget?.left_share, budget?.left_nano].some((range) => range !== undefined && isEmpty(range))) return true;
  if (Object.values({ ...rest.metadata, ...rest.headers }).some(isContradiction)) return true;
  return all.some(isImpossible) || (any?.every(isImpossible) ?? false) || (rest.not !== undefined && isCertain(rest.not));
}

/** Whether every request meets the condition. */
export function isCertain(condition: Condition): boolean {
  const members = Object.entries(condition).filter(([, member]) => member !== undefined);
  return members.every(([name]) => {
    if (name === 'share') return condition.share?.of === 1;
    if (name === 'all') return condition.all?.every(isCertain) ?? true;
    if (name === 'any') return condition.any?.some(isCertain) ?? false;
    if (name === 'not') return condition.not !== undefined && isImpossible(condition.not);
    return false;
  });
}

/** Whether all requests that meet `narrow` meet `wide`. */
export function implies(narrow: Condition, wide: Condition): boolean {
  if (isImpossible(narrow) || isCertain(wide)) return true;
  const parts = [narrow, ...(narrow.all ?? [])];
  const { all = [], any, not, ...members } = wide;
  if (!all.every((each) => implies(narrow, each))) return false;
  if (any !== undefined && !any.some((each) => implies(narrow, each)) && !has(parts, 'any', any)) return false;
  if (not !== undefined && !parts.some((part) => part.not !== undefined && implies(not, part.not))) return false;
  return Object.entries(members).every(
    ([name, member]) => member === undefined || parts.some((part) => memberImplies(part[name as keyof Condition], name, member)),
  );
}

const has = (parts: readonly Condition[], name: 'any', member: unknown): boolean => parts.some((part) => same(part[name], member));

const RANGES = new Set(['prompt_bytes', 'prompt_tokens', 'output_tokens', 'messages', 'deadline_ms', 'priority']);
const LISTS = new Set(['kind', 'tenant', 'project', 'key', 'country', 'continent', 'colo']);

function memberImplies(narrow: unknown, name: string, wide: unknown): boolean {
  if (narrow === undefined) return false;
  if (same(narrow, wide)) return true;
  if (RANGES.has(name)) return isWithin(narrow as Range, wide as Range);
  if (LISTS.has(name)) return (narrow as string[]).every((value) => (wide as string[]).includes(value));
  if (name === 'has') return (wide as string[]).every((value) => (narrow as string[]).includes(value));
  if (name === 'share') return isSmallerShare(narrow as NonNullable<Condition['share']>, wide as NonNullable<Condition['share']>);
  if (name === 'metadata' || name === 'headers') return areTestsWithin(narrow as Tests, wide as Tests);
  return false;
}

type Tests = Readonly<Record<string, TextTest>>;

const areTestsWithin = (narrow: Tests, wide: Tests): boolean =>
  Object.entries(wide).every(([name, test]) => {
    const other = narrow[name];
    return other !== undefined && isTestWithin(other, test);
  });

const isTestWithin = (narrow: TextTest, wide: TextTest): boolean =>
  same(narrow, wide) ||
  ((wide.in === undefined || (narrow.in?.every((value) => wide.in?.includes(value)) ?? false)) &&
    (wide.prefix === undefined || (narrow.in?.every((value) => value.startsWith(wide.prefix ?? '')) ?? false)) &&
    (wide.exists === undefined || (wide.exists && (narrow.in !== undefined || narrow.prefix !== undefined))));

const isSmallerShare = (narrow: NonNullable<Condition['share']>, wide: NonNullable<Condition['share']>): boolean =>
  narrow.by === wide.by && narrow.salt === wide.salt && narrow.of <= wide.of;

const isContradiction = ({ in: accepted, prefix, exists }: TextTest): boolean =>
  (exists === false && (accepted !== undefined || prefix !== undefined)) ||
  (accepted !== undefined && prefix !== undefined && !accepted.some((value) => value.startsWith(prefix)));

/** The lower and the upper end of a range, and whether each is part of it. */
function ends({ gt, gte, lt, lte }: Range) {
  const [low, high] = [Math.max(gt ?? -Infinity, gte ?? -Infinity), Math.min(lt ?? Infinity, lte ?? Infinity)];
  return { low, high, hasLow: gt !== low, hasHigh: lt !== high };
}

function isEmpty(range: Range): boolean {
  const { low, high, hasLow, hasHigh } = ends(range);
  return low > high || (low === high && !(hasLow && hasHigh));
}

function isWithin(narrow: Range, wide: Range): boolean {
  const [inner, outer] = [ends(narrow), ends(wide)];
  const isAbove = inner.low > outer.low || (inner.low === outer.low && (outer.hasLow || !inner.hasLow));
  return isAbove && (inner.high < outer.high || (inner.high === outer.high && (outer.hasHigh || !inner.hasHigh)));
}

const same = (left: unknown, right: unknown): boolean => left === right || textOf(left) === textOf(right);

function textOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const text = written.get(value) ?? JSON.stringify(value);
  written.set(value, text);
  return text;
}
