import { utf8Text } from '../../../contract/api/json-text.ts';
import type { JsonSpan } from './json-spans.ts';
import { parseText, spansIn } from './json-spans.ts';

/** So much is parsed at once: some thousand entries of a vocabulary, a millisecond. */
const BATCH_BYTES = 64 * 1024;

/**
 * The entries of a list or of an object, parsed some thousand at a time: of a vocabulary of a hundred thousand entries no more are in memory as
 * values. Ends with whether the text was well-formed. An object in which a name stands twice has the last of them within a batch; batches come in
 * order.
 */
export function* batchesIn(bytes: Uint8Array, span: JsonSpan): Generator<unknown, boolean> {
  const [open, close] = [bytes[span.from], bytes[span.to - 1]].map((byte) => String.fromCharCode(byte ?? 0));
  const entries = spansIn(bytes, span);
  let batch: JsonSpan | undefined;
  const parse = ({ from, to }: JsonSpan): unknown => {
    const text = utf8Text(bytes.subarray(from, to));
    return text === undefined ? undefined : parseText(`${open}${text}${close}`);
  };
  for (let entry = entries.next(); ; entry = entries.next()) {
    if (entry.done === true) {
      if (batch === undefined) return entry.value;
      const value = parse(batch);
      if (value === undefined) return false;
      yield value;
      return entry.value;
    }
    if (entry.value === undefined) continue;
    batch = { from: batch?.from ?? entry.value.from, to: entry.value.to };
    if (batch.to - batch.from < BATCH_BYTES) continue;
    const value = parse(batch);
    if (value === undefined) return false;
    yield value;
    batch = undefined;
  }
}
