import { CALL_BATCH_LIMITS } from '../../contract/jobs/call-batch-limits.ts';
import type { LineFault } from '../../contract/jobs/attempt-report.ts';
import { JOB_LIMITS } from '../../contract/jobs/job-limits.ts';
import { POOL_LIMITS } from '../../contract/pools/pool-limits.ts';
import { rawLines } from '../../kernel/raw-lines.ts';
import { exactObject, isObject, textAt } from '../protocol/json.ts';

/** A request of the input. */
export interface ReadLine {
  readonly customId: string;
  readonly model: string;
  /** JSON. */
  readonly body: string;
}

interface ReadInput {
  readonly total: number;
  /** The first ones; none: every line is a request with an id of its own. */
  readonly faults: readonly LineFault[];
}

/**
 * Reads the input of a batch to its end before any of it is called: lines that are no requests, are requests of another endpoint, or share an id,
 * fail the batch as a whole. What is wrong inside a request fails that request alone. [J271]
 */
export async function readBatchLines(
  pieces: AsyncIterable<Uint8Array>,
  endpoint: string,
  onLine: (line: ReadLine) => void,
): Promise<ReadInput> {
  const faults: LineFault[] = [];
  const ids = new Map<string, number>();
  let [number, total] = [0, 0];
  for await (const { content } of rawLines(pieces, CALL_BATCH_LIMITS.callBatchLineBytesMax)) {
    number += 1;
    const text = content === undefined ? undefined : decoder.decode(content).trim();
    if (text === '') continue;
    total += 1;
    if (total > CALL_BATCH_LIMITS.callBatchLinesMaxCount) return { total, faults: [tooMany()] };
    const read = readLine(text, number, ids, endpoint);
    if ('fault' in read) faults.push(read.fault);
    else if (faults.length === 0) onLine(read);
    if (faults.length >= JOB_LIMITS.lineFaultsMaxCount) break;
  }
  if (total === 0) faults.push(faultOf('empty_file', null, 'the input has no requests'));
  return { total, faults };
}

const decoder = new TextDecoder();

function readLine(text: string | undefined, number: number, ids: Map<string, number>, endpoint: string): ReadLine | { fault: LineFault } {
  const fault = (code: string, message: string, param: string | null = null) => ({ fault: faultOf(code, number, message, param) });
  const bytesMax = CALL_BATCH_LIMITS.callBatchLineBytesMax;
  if (text === undefined) return fault('line_too_long', `the line has more than ${bytesMax} bytes (callBatchLineBytesMax)`);
  const value = exactObject(text);
  if (value === undefined) return fault('invalid_json_line', 'the line is not a JSON object');
  const customId = textAt(value, 'custom_id');
  if (customId === undefined || customId === '' || customId.length > POOL_LIMITS.batchCustomIdCharsMax) {
    const what = `must be a text of 1 to ${POOL_LIMITS.batchCustomIdCharsMax} characters`;
    return fault(customId === undefined ? 'missing_required_parameter' : 'invalid_value', what, 'custom_id');
  }
  const before = ids.get(customId);
  if (before !== undefined) return fault('duplicate_custom_id', `line ${before} has the same custom_id`, 'custom_id');
  ids.set(customId, number);
  if (value['method'] !== 'POST') return fault('invalid_method', 'the method must be POST', 'method');
  if (value['url'] !== endpoint) return fault('invalid_url', `the url must be that of the batch, ${endpoint}`, 'url');
  const body = value['body'];
  if (!isObject(body)) return fault('missing_required_parameter', 'must be an object', 'body');
  if (body['stream'] === true) return fault('invalid_value', 'must be false: the answers of a batch are whole', 'body.stream');
  return { customId, model: textAt(body, 'model') ?? '', body: JSON.stringify(body) };
}

const faultOf = (code: string, line: number | null, message: string, param: string | null = null): LineFault => ({
  code,
  line,
  message: message.slice(0, JOB_LIMITS.lineFaultCharsMax),
  param,
});

const tooMany = (): LineFault =>
  faultOf(
    'too_many_requests',
    null,
    `the input has more requests than callBatchLinesMaxCount (${CALL_BATCH_LIMITS.callBatchLinesMaxCount}): make several batches of it`,
  );
