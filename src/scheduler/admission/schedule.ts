import { makeOthersShrink } from '../elastic/shrink.ts';
import { admit } from '../life/admit.ts';
import type { Offer } from '../life/offer.ts';
import type { Cell } from '../machine/cell.ts';
import type { JobRecord } from '../machine/job-record.ts';
import { makeWay } from '../preemption/make-way.ts';
import { firstOf } from '../queue/effective-priority.ts';
import { Heads } from '../queue/heads.ts';
import { reserve } from './reserve.ts';
import { tryOption } from './try-option.ts';

/**
 * Gives places to waiting jobs until nobody is left who might have one: takes who comes next, admits it if it fits, else if others can be
 * made to leave for it; the class of one that has no place sleeps. Stops after `admissionsMaxCount`, to go on with the next event or at once.
 */
export function schedule(cell: Cell): void {
  const heads = new Heads(cell);
  for (let admitted = 0; admitted < cell.settings.admissionsMaxCount;) {
    const pending = heads.next();
    if (pending === undefined) return;
    const job = firstOf(cell, pending);
    if (giveFreePlace(cell, job) || makeOthersShrink(cell, job) || makeWay(cell, job)) {
      admitted += 1;
      heads.changed(pending.root);
    } else {
      reserve(cell, job);
      cell.pending.sleep(pending);
      heads.slept(pending);
    }
  }
}

function giveFreePlace(cell: Cell, job: JobRecord): boolean {
  const offer = freePlace(cell, job);
  if (offer !== undefined) admit(cell, job, offer);
  return offer !== undefined;
}

/** A place by the first option that has one. */
export function freePlace(cell: Cell, job: JobRecord): Offer | undefined {
  for (let option = 0; option < job.spec.options.length; option++) {
    const attempted = tryOption(cell, job, option, 'brief');
    if ('offer' in attempted) return attempted.offer;
  }
  return undefined;
}
