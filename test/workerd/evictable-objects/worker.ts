import { PoolObject as ServedPool } from '../../../durable-objects/pool-object.ts';
import { SchedulerObject as ServedScheduler } from '../../../durable-objects/scheduler-object.ts';

// Stand in for the classes of the same names in the objects' Worker: these lose their memory when a test says so.

export class PoolObject extends ServedPool {
  evict(): void {
    this.ctx.abort('evicted by a test');
  }
}

export class SchedulerObject extends ServedScheduler {
  evict(): void {
    this.ctx.abort('evicted by a test');
  }
}
