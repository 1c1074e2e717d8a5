import { createReadStream } from 'node:fs';

import * as z from 'zod';

import type { LineFault } from '../../src/contract/attempt-report.ts';
import { LIMITS } from '../../src/contract/limits.ts';
import { rawLines } from '../../src/kernel/raw-lines.ts';

/** What all requests of a batch have in common. */
export interface BatchTerms {
  readonly endpoint: string;
  readonly model: string;
}

export interface CheckedInput {
  /** Lines that are not blank. */
  readonly total: number;
  /** The first ones; none: every line is a request with an id of its own. */
  readonly faults: readonly LineFault[];
}

const request = z.looseObject({
  custom_id: z.string().min(1).max(LIMITS.batchCustomIdCharsMax),
  method: z.string(),
  url: z.string(),
  body: z.looseObject({ model: z.string() }),
});

/**
 * Reads a batch to its end before any of it is answered, as OpenAI does: lines that are no requests, are requests of another endpoint or
 * model, or share an id, fail the batch as a whole. What is wrong inside a request fails that request alone. [J152]
 */
export async function checkBatch(path: string, terms: BatchTerms): Promise<CheckedInput> {
  const faults: LineFault[] = [];
  const ids = new Map<string, number>();
  let [number, total] = [0, 0];
  for await (const { content } of rawLines(createReadStream(path), LIMITS.jobLineBytesMax)) {
    number += 1;
    const text = content === undefined ? undefined : decoder.decode(content).trim();
    if (text === '') continue;
    total += 1;
    if (total > LIMITS.jobLinesMax) return { total, faults: [tooMany()] };
    if (faults.length < LIMITS.lineFaultsMaxCount) faults.push(...faultsOf(text, number, ids, terms));
  }
  if (total === 0) faults.push({ code: 'empty_file', line: null, message: 'the input has no requests', param: null });
  return { total, faults: faults.slice(0, LIMITS.lineFaultsMaxCount) };
}

const decoder = new TextDecoder();

const tooMany = (): LineFault => ({
  code: 'too_many_requests',
  line: null,
  message: `the input has more requests than jobLinesMax (${LIMITS.jobLinesMax}): make several batches of it`,
  param: null,
});

/** What is wrong with a line; remembers its id. `text` undefined: it is too long. */
function faultsOf(text: string | undefined, line: number, ids: Map<string, number>, terms: BatchTerms): readonly LineFault[] {
  const fault = (code: string, message: string, param: string | null = null): LineFault => ({
    code,
    line,
    message: message.slice(0, LIMITS.lineFaultCharsMax),
    param: param === null ? null : param.slice(0, LIMITS.lineFaultCharsMax),
  });
  if (text === undefined) return [fault('line_too_long', `the line has more than ${LIMITS.jobLineBytesMax} bytes (jobLineBytesMax)`)];
  const value = parsedObject(text);
  if (value === undefined) return [fault('invalid_json_line', 'the line is not a JSON object')];
  const parsed = request.safeParse(value);
  if (!parsed.success) {
    return parsed.error.issues.map(({ path, message }) => {
      const isMissing = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value) === undefined;
      return fault(isMissing ? 'missing_required_parameter' : 'invalid_value', message, path.join('.'));
    });
  }
  const { custom_id: id, method, url, body } = parsed.data;
  const before = ids.get(id);
  if (before === undefined) ids.set(id, line);
  return [
    ...(before === undefined ? [] : [fault('duplicate_custom_id', `line ${before} has the same custom_id`, 'custom_id')]),
    ...(method === 'POST' ? [] : [fault('invalid_method', 'the method must be POST', 'method')]),
    ...(url === terms.endpoint ? [] : [fault('invalid_url', `the url must be that of the batch, ${terms.endpoint}`, 'url')]),
    ...(body.model === terms.model
      ? []
      : [fault('mismatched_model', `the batch runs ${terms.model}: the model must be the same`, 'body.model')]),
  ];
}

function parsedObject(text: string): Record<PropertyKey, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Record<PropertyKey, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
