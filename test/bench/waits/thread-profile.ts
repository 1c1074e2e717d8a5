import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

/** The options of V8 that let `perf` name compiled code. */
export const NAMING_FLAGS = ['--perf-basic-prof'];

/** What a thread did at one moment. */
export interface Sample {
  /** By the clock of `process.hrtime`. */
  readonly atMs: number;
  readonly cause: string;
}

const HERTZ = 4_000;
export const SAMPLE_MS = 1_000 / HERTZ;
const START_MS = 500;

/** The first that a stack matches is what the thread did: what interrupts other work stands before it. */
const CAUSES: readonly (readonly [cause: string, frames: RegExp])[] = [
  ['collecting garbage, all', /MarkCompact|IncrementalMarking|MajorGC|Sweeper|FinalizeGarbage/],
  ['collecting garbage, new', /Scaveng|v8::internal::Heap::CollectGarbage|cppgc::internal::Heap/],
  ['compiling', /v8::internal::(Compiler|baseline|maglev|compiler|interpreter)::/],
  ['maintenance', /JS:\S*(inBackground|workPaced|sweep|maintain|step)\b/],
  ['committing to storage', /CommitPhase|sqlite3VdbeHalt|walCheckpoint|pagerWalFrames/i],
  ['setting alarms', /[sg]etAlarm/i],
  ['a write in its shard', /JS:\S*(#write|#put|insertVectors|upsert)\b/],
  ['a search in its shard', /JS:\S*(searchNearby|#search|query)\b/],
  ['other JavaScript', /JS:|Builtins_/],
];
const RUNTIME = 'the runtime';

export const hasPerf = (): boolean => spawnSync('perf', ['--version']).status === 0;

/** Records what a thread does while `work` is done. `folder` takes what `perf` writes. */
export async function threadProfile(threadId: number, folder: string, work: () => Promise<void>): Promise<Sample[]> {
  const file = join(folder, 'thread.perf');
  const options = ['-q', '-g', '-k', 'CLOCK_MONOTONIC', '-F', `${HERTZ}`, '-t', `${threadId}`, '-o', file];
  const recorder = spawn('perf', ['record', ...options], { stdio: 'ignore' });
  const ended = once(recorder, 'exit');
  await sleep(START_MS);
  await work();
  recorder.kill('SIGINT');
  await ended;
  const script = spawn('perf', ['script', '-i', file, '-F', 'tid,time,ip,sym'], { stdio: ['ignore', 'pipe', 'ignore'] });
  return samplesOf(createInterface(script.stdout));
}

/** Each sample is a line with its time, lines with its frames, and an empty one. */
async function samplesOf(lines: AsyncIterable<string>): Promise<Sample[]> {
  const samples: Sample[] = [];
  let [atMs, stack] = [NaN, ''];
  for await (const line of lines) {
    const seconds = /^\s*\d+ +([\d.]+):/.exec(line)?.[1];
    if (seconds !== undefined) [atMs, stack] = [Number(seconds) * 1_000, ''];
    else if (line.trim() !== '') stack += `${line}\n`;
    else if (stack !== '') {
      samples.push({ atMs, cause: causeOf(stack) });
      stack = '';
    }
  }
  return samples;
}

const causeOf = (stack: string): string => CAUSES.find(([, frames]) => frames.test(stack))?.[0] ?? RUNTIME;
