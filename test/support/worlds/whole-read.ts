import type { Outcome } from '../../../src/contract/api/outcome.ts';
import type { Steps } from '../../../src/kernel/stepped-work.ts';
import { atOnce } from '../../../src/kernel/stepped-work.ts';

/** What a read in steps comes to whose steps follow each other at once. */
export const whole = <T>(begun: Outcome<Steps<Outcome<T>>>): Outcome<T> => (begun.ok ? atOnce(begun.value) : begun);
