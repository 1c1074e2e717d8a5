import type { FilterCheck, FilterPlace } from '../filter-check.ts';
import { isReachable } from '../filter-syntax.ts';
import { parseJsonPath } from './json-path.ts';

/** The path of a filter that a key of Qdrant's names. Arrays are transparent, so that `[]` may stand there or not. */
export function filterPathOf(check: FilterCheck, key: unknown, at: FilterPlace): string {
  const steps = typeof key === 'string' ? parseJsonPath(key) : undefined;
  if (steps === undefined) check.refuse('must be a path into the payload', at);
  else if (steps.some((step) => typeof step === 'number'))
    check.refuse('names one item of an array: filters ask of all of them (`[]`)', at);
  const path = (steps ?? []).filter((step) => typeof step === 'string').join('.');
  const isUnreachable = steps?.some((step) => typeof step === 'string' && step.includes('.')) === true || !isReachable(path);
  if (isUnreachable) check.refuse('leads to a member that filters do not reach: its name has a dot, or the path is too long', at);
  return path;
}
