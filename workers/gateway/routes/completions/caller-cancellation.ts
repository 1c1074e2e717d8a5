import type { Cancellation } from '../../../../src/upstreams/transport.ts';

/** Called off when the caller has gone away. */
export function callerCancellation({ signal }: Request): Cancellation {
  return {
    get isCancelled() {
      return signal.aborted;
    },
    onCancel(run) {
      signal.addEventListener('abort', run, { once: true });
      return () => signal.removeEventListener('abort', run);
    },
  };
}
