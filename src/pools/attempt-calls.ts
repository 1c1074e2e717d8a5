import type { AttemptEnding, Checkpoint, Grant, Serving, Throughput } from '../contract/attempt.ts';
import type { Progress } from '../contract/attempt-report.ts';
import type { Outcome } from '../contract/outcome.ts';
import type { AttemptId } from '../kernel/ids.ts';
import type { HeartbeatReply } from './agent-lease.ts';

/** What an agent says of an attempt, under its fence: to the gateway, and by it to the object of the pool that has the attempt. */
export interface AttemptCalls {
  heartbeat(
    attemptId: AttemptId,
    fence: number,
    progress: Progress | null,
    run?: string,
    throughput?: Throughput,
    serving?: Serving,
  ): Promise<Outcome<HeartbeatReply>>;
  held(attemptId: AttemptId, fence: number): Promise<Outcome<Grant>>;
  meet(attemptId: AttemptId, fence: number, address: string, version?: number): Promise<Outcome<readonly string[] | null>>;
  saved(attemptId: AttemptId, fence: number, checkpoint: Checkpoint): Promise<Outcome<null>>;
  end(attemptId: AttemptId, fence: number, ending: AttemptEnding): Promise<Outcome<null>>;
}
