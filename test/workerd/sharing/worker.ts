import { SharedWork } from '../../../src/kernel/shared-work.ts';
import { TimedWakeUps } from '../../../src/kernel/wake-ups.ts';
import { systemTimer } from '../../../durable-objects/system-time.ts';
import { requestWakeUps } from '../../../workers/inference/request-wake-ups.ts';
import type { Kind } from './kinds.ts';
import { kindsOver } from './kinds.ts';
import type { SourceObject } from './source-object.ts';

export { SourceObject } from './source-object.ts';

export interface SharingEnv {
  readonly SOURCE: DurableObjectNamespace<SourceObject>;
  readonly SLUICE_TEST_FULL: string;
}

let kinds: ReturnType<typeof kindsOver> | undefined;

/** Shared work whose leaders are not kept alive: they die with their requests. */
const mortal = new SharedWork<string>({
  clock: { nowMs: () => Date.now() },
  wakeUps: new TimedWakeUps(systemTimer, { firstMs: 5, lastMs: 50 }, () => undefined),
  bounds: { leaderMaxMs: 400, waitMaxMs: 60_000, waitersMaxCount: 1_000, keysMaxCount: 1_000 },
});

const source = (env: SharingEnv) => env.SOURCE.getByName('source');

/** `delayMs`: how long mortal work takes if this request leads it. */
async function answer(kind: string, key: string, delayMs: number, env: SharingEnv): Promise<string> {
  if (kind !== 'mortal') {
    kinds ??= kindsOver(() => source(env), requestWakeUps);
    return kinds[kind as Kind](key);
  }
  const ran = await mortal.run(key, async () => {
    await source(env).answer('mortal', delayMs);
    return key;
  });
  return ran.ok ? ran.value.value : ran.error;
}

/** Reads a part of the body, does its shared work, reads the rest, and streams its result and the number of bytes read. */
export default {
  async fetch(request, env): Promise<Response> {
    const [, kind = '', key = '', delayMs = '0'] = new URL(request.url).pathname.split('/');
    const reader = request.body?.getReader();
    let read = (await reader?.read())?.value?.byteLength ?? 0;
    const found = await answer(kind, key, Number(delayMs), env);
    for (let chunk = await reader?.read(); chunk?.done === false; chunk = await reader?.read()) read += chunk.value.byteLength;
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const write = async (): Promise<void> => {
      await writer.write(new TextEncoder().encode(found));
      await writer.write(new TextEncoder().encode(` ${read}`));
      await writer.close();
    };
    // Its caller may have disconnected.
    void write().catch(() => undefined);
    return new Response(readable);
  },
} satisfies ExportedHandler<SharingEnv>;
