import assert from 'node:assert/strict';

import { expect, it } from 'vitest';

import type { AttemptReport, FailureReason } from '../../../src/contract/jobs/attempt.ts';
import { JOB_LIMITS } from '../../../src/contract/jobs/job-limits.ts';
import type { Program } from '../../../src/contract/jobs/job-work.ts';
import { must } from '../../../src/kernel/assert.ts';
import type { FileId, JobId } from '../../../src/kernel/ids.ts';
import { Seeded } from '../../../src/kernel/seeded.ts';
import { DEFAULT_TERMS } from '../../../src/scheduler/served/jobs/job.ts';
import { effort, firstSeeds } from '../../support/fixtures/effort.ts';
import { poolNode } from '../../support/fixtures/pool-node.ts';
import { POOL, ServedCell } from '../../support/worlds/served-cell.ts';

const WORK: Program = { kind: 'training', argv: ['train'], environment: {}, inputs: [], outputs: [], limits: {}, checkpoint: 'state' };

const seen = {
  resumed: 0,
  'saved and died at once': 0,
  leader: 0,
  several: 0,
  all: 0,
  'with a spare': 0,
  'without a spare': 0,
  returned: 0,
};

/** A gang on a pool whose agents are killed at random moments, and what has to hold of its next attempt. */
class KilledGang {
  readonly random: Seeded;
  readonly world = new ServedCell([POOL]);
  readonly size: number;
  readonly jobId: JobId;
  /** The steps of the newest checkpoint that was acknowledged, and of what rank 0 has done. */
  saved = 0;
  done = 0;
  /** By node, until when it may be dead, as far as an observer of the reports can say. */
  readonly doubtedUntilMs = new Map<string, number>();
  readonly gone: string[] = [];
  #looked = 0;
  #agents = 0;
  #isRunning = false;
  #nodes: readonly string[] = [];

  constructor(seed: number) {
    this.random = new Seeded(seed);
    this.size = this.#below(3) + 2;
    const options = DEFAULT_TERMS.options.map((option) => ({ ...option, nodes: { min: this.size, max: this.size, step: 1 } }));
    this.jobId = this.world.submit(1, { work: WORK, options, attemptsMax: 1_000 });
    for (let more = this.size + this.#below(3); more > 0; more--) this.#join();
    this.#look();
  }

  next(): void {
    this.world.nowMs += this.#below(4_000);
    const fence = this.world.job(this.jobId).attempt?.fence;
    const value = this.#below(20);
    if (value < 2) this.#join();
    else if (value === 2) this.world.loseMemory();
    else if (value === 3) this.world.nowMs += this.#below(2) * JOB_LIMITS.nodeDoubtMs;
    else if (fence === undefined || this.#nodes.length === 0) this.#join();
    else if (!this.#isRunning) this.#begin(fence);
    else if (value < 12) this.#exchange(this.#savesOf(fence));
    else this.#kill(fence);
    this.#look();
  }

  /** An agent comes: a new one, or one that was lost. */
  #join(): void {
    const isBack = this.gone.length > 0 && this.#below(2) === 0;
    const id = isBack ? must(this.gone.shift(), 'one is gone') : `agent-${this.#agents++}`;
    if (isBack) {
      seen.returned += 1;
      this.doubtedUntilMs.set(id, this.world.nowMs + JOB_LIMITS.nodeDoubtMs);
    }
    this.world.exchange(POOL, { joined: [poolNode(id, { kinds: ['training'] })] });
  }

  #begin(fence: number): void {
    // What was done and not saved is lost; what was saved is not.
    this.done = this.saved;
    if (this.saved > 0) seen.resumed += 1;
    this.#exchange(
      this.#nodes.map((_, rank) => this.#report(fence, rank, { kind: 'progress', progress: { completed: 0, failed: 0, total: 1 } })),
    );
    this.#isRunning = true;
  }

  #savesOf(fence: number): AttemptReport[] {
    this.done += this.#below(5) + 1;
    const checkpoint = { file: `file_${this.done}` as FileId, bytes: 1, sha256: String(this.done) };
    return [this.#report(fence, 0, { kind: 'saved', checkpoint })];
  }

  /** Some members die. What others say of it, and what rank 0 saved last, may come in one message, in any order. */
  #kill(fence: number): void {
    const dead = this.#someMembers();
    const alive = [...this.#nodes.keys()].filter((rank) => !dead.includes(rank));
    const [first] = alive;
    // The others notice, and fail; or the leases of those that died run out.
    const isNoticed = first !== undefined && this.#below(2) === 0;
    const by = isNoticed ? first : must(dead[0], 'one is dead');
    const reason: FailureReason = isNoticed ? 'command_failed' : 'lease_expired';
    const failure = this.#report(fence, by, { kind: 'failed', reason, message: reason });
    const saves = this.#below(2) === 0 && alive.includes(0) ? this.#savesOf(fence) : [];
    const isLate = this.#below(3) === 0;
    if (saves.length > 0 && !isLate) seen['saved and died at once'] += 1;
    const untilMs = this.world.nowMs + JOB_LIMITS.nodeDoubtMs;
    for (const [rank, id] of this.#nodes.entries()) if ((rank === by) !== isNoticed) this.doubtedUntilMs.set(id, untilMs);
    const lost = isNoticed ? [] : dead.map((rank) => must(this.#nodes[rank], 'it has a node'));
    this.gone.push(...lost);
    this.#isRunning = false;
    this.#exchange(isLate ? [failure, ...saves] : [...saves, failure], lost);
  }

  /** One, some, or all of the members. */
  #someMembers(): readonly number[] {
    const ranks = [...this.#nodes.keys()];
    const some = this.#below(8) === 0 ? ranks : ranks.filter(() => this.#below(3) === 0);
    const members = some.length === 0 ? [this.#below(this.size)] : some;
    if (members.includes(0)) seen.leader += 1;
    if (members.length > 1) seen.several += 1;
    if (members.length === this.size) seen.all += 1;
    return members;
  }

  #exchange(reports: readonly AttemptReport[], lost: readonly string[] = []): void {
    const { verdicts } = this.world.exchange(POOL, { reports, left: lost.map((nodeId) => ({ nodeId, isLost: true })) });
    for (const [at, report] of reports.entries())
      if (report.kind === 'saved' && verdicts[at] === 'accepted') this.saved = Number(report.checkpoint.sha256);
  }

  #report(fence: number, rank: number, news: object): AttemptReport {
    return { jobId: this.jobId, fence, rank, ...news } as AttemptReport;
  }

  /** Looks at the attempts that were handed over since it last did. */
  #look(): void {
    const { grants } = this.world;
    const handed = grants.slice(this.#looked);
    this.#looked = grants.length;
    assert.equal(Number(this.world.job(this.jobId).checkpoint?.sha256 ?? 0), this.saved, 'the job has what was acknowledged last');
    if (handed.length === 0) return;
    const fence = Math.max(...handed.map(({ grant }) => grant.fence));
    const members = handed.filter(({ grant }) => grant.fence === fence);
    this.#isRunning = false;
    this.#nodes = members.map(({ nodeId }) => nodeId);
    assert.equal(members.length, this.size, 'a gang starts as a whole');
    for (const { grant } of members)
      assert.equal(Number(grant.checkpoint?.sha256 ?? 0), this.saved, 'it begins with the newest checkpoint');
    const isDoubted = (id: string): boolean => (this.doubtedUntilMs.get(id) ?? 0) > this.world.nowMs;
    const trusted = [...(this.world.nodes.get(POOL) ?? [])].filter((id) => !isDoubted(id));
    const used = this.#nodes.filter(isDoubted).length;
    seen[trusted.length >= this.size ? 'with a spare' : 'without a spare'] += 1;
    assert.equal(used, Math.max(0, this.size - trusted.length), 'nodes that may be dead are tried last');
  }

  #below(count: number): number {
    return Math.floor(this.random.next() * count);
  }
}

it('[J138] [J266] a gang goes on from its newest checkpoint, on nodes that may be dead last', () => {
  for (const seed of firstSeeds(effort(12, 2_000))) {
    const gang = new KilledGang(seed);
    try {
      for (let n = 0; n < 60; n++) gang.next();
    } catch (error) {
      throw new Error(`seed ${seed}: ${String(error)}`, { cause: error });
    }
  }
  for (const [what, count] of Object.entries(seen)) expect(count, `${what}: ${JSON.stringify(seen)}`).toBeGreaterThan(5);
});
