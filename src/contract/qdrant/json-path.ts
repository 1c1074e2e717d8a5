import * as z from 'zod';

import { about } from '../api/api-text.ts';
import { INDEX_LIMITS } from '../indexes/index-limits.ts';
import { VECTOR_LIMITS } from '../vectors/vector-limits.ts';

/** A step of a path into a payload: to a member, to an item by its index, or to every item (null). */
type Step = string | number | null;

const STEP = /\.?(?:"([^"]+)"|([^."[\]]+))|\[(\d{0,9})\]/y;

/** A member as `STEP` reads it. */
const MEMBER = '("[^"]+"|[^."\\[\\]]+)';

/** Qdrant's paths: members between dots, quoted where they contain one, and `[]` or `[2]` behind an array. Undefined: no path. */
export function parseJsonPath(path: string): Step[] | undefined {
  const steps: Step[] = [];
  if (path === '' || path.startsWith('.') || path.startsWith('[')) return undefined;
  for (STEP.lastIndex = 0; STEP.lastIndex < path.length;) {
    const match = STEP.exec(path);
    if (match === null) return undefined;
    const [, quoted, plain, place] = match;
    if (place === undefined) steps.push(quoted ?? plain ?? '');
    else steps.push(place === '' ? null : Number(place));
  }
  return steps;
}

/** A path into payloads, as steps. */
export const jsonPath = z
  .string()
  .max(VECTOR_LIMITS.filterPathCharsMax)
  .meta({
    ...about('Members between dots; `[]` is every item of an array, `[2]` one.', 'reviews[].stars'),
    pattern: `^${MEMBER}(\\.?${MEMBER}|\\[[0-9]{0,9}\\]){0,${INDEX_LIMITS.jsonDepthMax - 1}}$`,
  })
  .transform((path, context): Step[] => {
    const steps = parseJsonPath(path);
    if (steps !== undefined && steps.length <= INDEX_LIMITS.jsonDepthMax) return steps;
    context.issues.push({ code: 'custom', input: path, message: 'is no path into a payload' });
    return z.NEVER;
  });
