import { hash } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import type { Assignment, OutputClaim } from '../../../src/contract/pools/agent-protocol.ts';
import type { EmbeddingModel } from '../../../src/inference/embedding-model.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { LineAnswerer } from '../../../workers/agent/answer-line.ts';
import { answerLine } from '../../../workers/agent/answer-line.ts';
import { Backoff } from '../../../workers/agent/backoff.ts';
import { embeddingRunner } from '../../../workers/agent/embedding-runner.ts';
import type { GatewayModels } from '../../../workers/agent/gateway-models.ts';
import { Heartbeats } from '../../../workers/agent/heartbeat.ts';
import { staticLineModel } from '../../../workers/agent/line-model.ts';
import type { PoolClient } from '../../../workers/agent/pool-client.ts';
import { Refused } from '../../../workers/agent/pool-client.ts';
import { runAttempt } from '../../../workers/agent/run-attempt.ts';
import { deferred } from '../../support/fakes/deferred.ts';

const ASSIGNMENT: Assignment = { attempt: 'att_x_1', fence: 1, kind: 'batch_embedding', model: 'm' };

const ALONE = { version: 0, rank: 0, world_size: 1 };

const refused = (code: 'stale_fence' | 'file_not_found') =>
  new Refused({ error: { message: 'why', type: '', param: null, code }, request_id: 'req' });

/** A pool that records what is reported to it. Each hook replaces its answer. */
class FakePool {
  readonly reported: string[] = [];
  output = '';
  heartbeatHook: () => Promise<'continue' | 'cancel' | 'stop'> = async () => 'continue';
  inputHook: () => Promise<Response> = async () => new Response('{"id":"a","text":"x"}\n{"id":"b"}\n');
  outputHook: () => Promise<void> = async () => {};
  completeHook: () => Promise<void> = async () => {};

  heartbeat = async () => ({ command: await this.heartbeatHook(), run: null, group: ALONE });
  input = () => this.inputHook();
  async output_(bytes: Blob, sha256: string): Promise<void> {
    await this.outputHook();
    this.output = await bytes.text();
    expect(sha256).toBe(hash('sha256', this.output));
  }
  async complete(_attempt: unknown, { progress, tokens, outputs }: { progress: object; tokens: number; outputs: readonly OutputClaim[] }) {
    await this.completeHook();
    expect(outputs).toEqual([{ index: 0, bytes: this.output.length, sha256: hash('sha256', this.output) }]);
    this.reported.push(`complete ${JSON.stringify(progress)} ${tokens}`);
  }
  async fail(_attempt: unknown, { reason }: { reason: string }): Promise<void> {
    this.reported.push(`fail ${reason}`);
  }

  async run(stopped = new AbortController().signal): Promise<void> {
    const client = {
      heartbeat: this.heartbeat,
      input: this.input,
      output: (_attempt: unknown, { sha256 }: OutputClaim, bytes: Blob) => this.output_(bytes, sha256),
      complete: this.complete.bind(this),
      fail: this.fail.bind(this),
    } as unknown as PoolClient;
    const runners = { batch_embedding: embeddingRunner(models) };
    await runAttempt(ASSIGNMENT, { client, runners, secrets: [], heartbeatMs: 5, leaseMs: 10_000, stopped });
  }
}

const loaded = staticLineModel({
  tokeniser: { vocabularySize: 9, tokenise: () => ({ ids: Int32Array.from([1, 2]), words: 2, unknown: 0, cutWords: 0 }) },
  model: {
    manifest: { id: 'm', dimensions: 1, vocabularySize: 9, tokensMax: 9 } as EmbeddingModel['manifest'],
    embed: ({ offsets }) => new Float32Array(offsets.length - 1).fill(1),
  },
});

const answerer: LineAnswerer = {
  callsMax: 2,
  answer: (lines, id, first) => Promise.all(lines.map((line, i) => answerLine(line, `${id}_${first + i}`, loaded))),
};

const models = { use: async () => ok({ answerer, release: async () => {} }) } as unknown as GatewayModels;

const never = (signal?: AbortSignal) =>
  new Promise<never>((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error));
  });

describe('an attempt', () => {
  it('[P11] downloads, embeds, uploads and completes', async () => {
    const pool = new FakePool();
    await pool.run();
    expect(pool.reported).toEqual(['complete {"completed":1,"failed":1,"total":2} 2']);
    expect(pool.output.trimEnd().split('\n')).toHaveLength(2);
  });

  it('[P15] tries again while the gateway is away', async () => {
    const pool = new FakePool();
    const away = { input: 1, output: 1, complete: 1 };
    const once = (what: keyof typeof away) => {
      if (away[what]-- > 0) throw new TypeError('fetch failed');
    };
    const { inputHook } = pool;
    pool.inputHook = async () => {
      once('input');
      return inputHook();
    };
    pool.outputHook = async () => once('output');
    pool.completeHook = async () => once('complete');
    await pool.run();
    expect(away).toEqual({ input: -1, output: -1, complete: -1 });
    expect(pool.reported).toHaveLength(1);
    expect(pool.reported[0]).toContain('complete');
  });

  it('[P5] stops when the job is cancelled, and says so', async () => {
    const pool = new FakePool();
    const reported = deferred<void>();
    pool.heartbeatHook = async () => {
      reported.resolve();
      return 'cancel';
    };
    // Nothing is done before the agent has been told.
    pool.outputHook = () => reported.promise;
    await pool.run();
    expect(pool.reported).toEqual(['fail cancelled']);
  });

  it('[P5] [P13] gives the attempt back when it is instructed to stop', async () => {
    const pool = new FakePool();
    const reported = deferred<void>();
    pool.heartbeatHook = async () => {
      reported.resolve();
      return 'stop';
    };
    // Nothing is done before the agent has been told.
    pool.outputHook = () => reported.promise;
    await pool.run();
    expect(pool.reported).toEqual(['fail released']);
  });

  it('[P13] gives the work back when the agent is instructed to stop', async () => {
    const pool = new FakePool();
    const stop = new AbortController();
    pool.outputHook = async () => {
      stop.abort();
      throw new TypeError('aborted');
    };
    await pool.run(stop.signal);
    expect(pool.reported).toEqual(['fail released']);
  });

  it('[P4] drops an attempt that was given to another agent, without a message', async () => {
    const pool = new FakePool();
    pool.outputHook = async () => {
      throw refused('stale_fence');
    };
    await pool.run();
    expect(pool.reported).toEqual([]);
  });

  it('[P14] reports an input that is gone', async () => {
    const pool = new FakePool();
    pool.inputHook = async () => {
      throw refused('file_not_found');
    };
    await pool.run();
    expect(pool.reported).toEqual(['fail input_missing']);
  });
});

const BEAT_MS = 10;
const LEASE_MS = 60;
const KILL_MS = 20;

/** Heartbeats of an attempt on a clock that goes on by one interval with each, for three leases; how often it beat, and why it stopped. */
const beat = async (
  heartbeat: (nowMs: number, signal: AbortSignal) => Promise<'continue' | 'cancel' | 'stop'>,
  onStop: (reason: string) => void = () => undefined,
) => {
  const finished = new AbortController();
  let [nowMs, beats, reason] = [0, 0, undefined as string | undefined];
  const heartbeats = new Heartbeats({
    client: {
      heartbeat: async (_attempt, _progress, signal) => {
        nowMs += BEAT_MS;
        beats += 1;
        if (nowMs >= 3 * LEASE_MS) finished.abort();
        return { command: await heartbeat(nowMs, signal), run: null, group: ALONE };
      },
    },
    attempt: ASSIGNMENT,
    heartbeatMs: BEAT_MS,
    leaseMs: LEASE_MS,
    killMs: KILL_MS,
    nowMs: () => nowMs,
    progress: () => ({ completed: 0, failed: 0, total: null }),
    stop: (why) => {
      reason = why;
      onStop(why);
    },
    onGroup: () => undefined,
    serving: () => undefined,
    signal: finished.signal,
  });
  await heartbeats.beat();
  return { reason, beats };
};

describe('the heartbeats of an attempt', () => {
  it('[P16] keep the lease over failures shorter than it', async () => {
    const stopped = await beat(async (nowMs) => {
      // The lease is that of the heartbeat before these: from 40 on.
      if (nowMs > 50 && nowMs < 40 + LEASE_MS - KILL_MS) throw new TypeError('fetch failed');
      return 'continue';
    });
    expect(stopped).toEqual({ reason: undefined, beats: (3 * LEASE_MS) / BEAT_MS });
  });

  it('[P16] end the attempt agentKillMs before the lease runs out here, and not earlier', async () => {
    const stopped = await beat(async () => {
      throw new TypeError('fetch failed');
    });
    expect(stopped).toEqual({ reason: 'lost', beats: (LEASE_MS - KILL_MS) / BEAT_MS });
  });

  it('[P16] end the attempt at once when the gateway says that it is lost', async () => {
    const stopped = await beat(async () => {
      throw refused('stale_fence');
    });
    expect(stopped).toEqual({ reason: 'lost', beats: 1 });
  });

  it('[P16] go on while the attempt stops, and say it only once', async () => {
    const reasons: string[] = [];
    const stopped = await beat(
      async () => 'stop',
      (reason) => reasons.push(reason),
    );
    expect([stopped.beats, reasons]).toEqual([(3 * LEASE_MS) / BEAT_MS, ['released']]);
  });

  it('[P16] say that the attempt is lost also while it stops', async () => {
    const reasons: string[] = [];
    await beat(
      async (nowMs) => {
        if (nowMs > BEAT_MS) throw refused('stale_fence');
        return 'cancel';
      },
      (reason) => reasons.push(reason),
    );
    expect(reasons).toEqual(['cancelled', 'lost']);
  });

  it('[P16] do not wait for ever for one answer', async () => {
    expect(await beat((_, signal) => never(signal))).toEqual({ reason: 'lost', beats: (LEASE_MS - KILL_MS) / BEAT_MS });
  });
});

describe('backing off', () => {
  it('[P15] doubles its pauses up to ten seconds, with jitter, and starts again after a success', () => {
    const longest = new Backoff(() => 0.999_999);
    const shortest = new Backoff(() => 0);
    const pauses = Array.from({ length: 12 }, () => [Math.round(shortest.nextMs()), Math.round(longest.nextMs())]);
    expect(pauses.slice(0, 3)).toEqual([
      [50, 100],
      [100, 200],
      [200, 400],
    ]);
    expect(pauses.at(-1)).toEqual([5_000, 10_000]);
    longest.reset();
    expect(Math.round(longest.nextMs())).toBe(100);
  });
});
