import type { AttemptId } from '../../kernel/ids.ts';

const ATTEMPT = /^att_[0-9a-z]{26}_\d{1,9}$/;

/** The attempt that a job of a cluster is named after. */
export const attemptIdIn = (name: string): AttemptId | undefined => (ATTEMPT.test(name) ? (name as AttemptId) : undefined);

/** The fencing token in an attempt's id: `att_X_3` has 3. */
export const fenceOf = (id: AttemptId): number => Number(id.slice(id.lastIndexOf('_') + 1));
