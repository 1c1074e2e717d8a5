import { describe, expect, it } from 'vitest';

import { POOL_LIMITS } from '../../../src/contract/pools/pool-limits.ts';
import { AttemptLog } from '../../../workers/agent/attempt-log.ts';
import { deferred } from '../../support/fakes/deferred.ts';

const TOKEN = 'pt_secret_token_of_the_pool';

/** A log, and what arrived of it: the bytes that are missing are shown as such. */
function logOf(secrets: readonly string[] = [], gate: Promise<void> = Promise.resolve()) {
  let text = '';
  let next = 0;
  const stop = new AbortController();
  const log = new AttemptLog(async (offset, bytes) => {
    await gate;
    if (offset > next) text += `[${offset - next} missing]`;
    text += new TextDecoder().decode(bytes);
    next = offset + bytes.length;
  }, secrets);
  log.start(stop.signal);
  return { log, stop, text: () => text };
}

const write = (log: AttemptLog, text: string): void => log.write(Buffer.from(text));

describe('the log of an attempt', () => {
  it('[P54] sends all that was written, in order, before it is closed', async () => {
    const { log, text } = logOf();
    for (const part of ['one\n', 'two\n', 'three\n']) write(log, part);
    await log.close();
    expect(text()).toBe('one\ntwo\nthree\n');
    await log.close();
    expect(text()).toBe('one\ntwo\nthree\n');
  });

  it('[P54] drops the oldest where the gateway is away, and shows how much', async () => {
    const back = deferred<void>();
    const { log, text } = logOf([], back.promise);
    // Two more than are held: one is under way, and one was pushed out.
    const chunk = 64 * 1024;
    const count = POOL_LIMITS.agentLogHeldBytesMax / chunk + 2;
    for (let n = 0; n < count; n++) {
      write(log, String.fromCharCode(97 + n).repeat(chunk));
      await new Promise((resolve) => setImmediate(resolve));
    }
    back.resolve();
    await log.close();
    const dropped = Number(/\[(\d+) missing\]/.exec(text())?.[1]);
    expect(dropped).toBeGreaterThanOrEqual(chunk);
    expect(text().replace(/\[\d+ missing\]/, '').length + dropped).toBe(count * chunk);
    expect(text().endsWith(String.fromCharCode(97 + count - 1).repeat(chunk))).toBe(true);
  });

  it.each([1, 2, 5, 7, 100])('[P58] shows no secret, however its writer cuts it: into pieces of %i', async (size) => {
    const { log, text } = logOf([TOKEN]);
    const whole = `before ${TOKEN} between ${TOKEN}${TOKEN} pt_secret_tok and after`;
    for (let from = 0; from < whole.length; from += size) write(log, whole.slice(from, from + size));
    await log.close();
    expect(text()).toBe('before [redacted] between [redacted][redacted] pt_secret_tok and after');
  });

  it('[P54] ends when the attempt is lost', async () => {
    const { log, stop, text } = logOf([], new Promise(() => undefined));
    write(log, 'never arrives');
    stop.abort();
    write(log, 'nor this');
    await log.close();
    expect(text()).toBe('');
  });
});
