import type { AuthorityEnd } from '../../../../src/contract/tenancy/authority-end.ts';
import type { Cancellation } from '../../../../src/upstreams/transport.ts';

/** Called off when the caller has gone away, or may no longer make the call. */
export function callCancellation({ signal }: Request, end: AuthorityEnd | undefined): Cancellation {
  return {
    get isCancelled() {
      return signal.aborted || end?.refusal !== undefined;
    },
    onCancel(run) {
      signal.addEventListener('abort', run, { once: true });
      const leave = end?.onEnd(run);
      return () => {
        signal.removeEventListener('abort', run);
        leave?.();
      };
    },
  };
}

/** Of what goes on when the caller has its answer, or has gone away: called off when it may no longer make the call. */
export const rightCancellation = (end: AuthorityEnd | undefined): Cancellation => ({
  get isCancelled() {
    return end?.refusal !== undefined;
  },
  onCancel: (run) => end?.onEnd(run) ?? (() => undefined),
});
