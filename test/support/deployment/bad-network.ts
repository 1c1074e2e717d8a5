import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A network between clients and a server that can be cut, made slow, and lose answers. */
export interface BadNetwork {
  readonly url: string;
  /** Ends all connections in the middle of what they carry, and lets none through until it is `mend`ed. */
  cut(): void;
  /** What clients send arrives; the connection ends before any of the answer does. Until it is `mend`ed. */
  loseAnswers(): void;
  mend(): void;
  /** Holds back each piece of data for as long; pieces stay in order. */
  delay(ms: number): void;
  close(): Promise<void>;
}

/** Counts answers of the server, each when the piece of data with which it begins passes, or is lost. */
interface AnswerCounts {
  readonly passed: { happened(): void };
  readonly lost: { happened(): void };
}

const isBeginning = (data: Buffer): boolean => data.subarray(0, 5).toString('latin1') === 'HTTP/';

export async function badNetwork(to: string, { passed, lost }: AnswerCounts): Promise<BadNetwork> {
  const port = Number(new URL(to).port);
  const sockets = new Set<Socket>();
  let [state, delayMs]: ['well' | 'cut' | 'deaf', number] = ['well', 0];
  const join = (from: Socket, into: Socket, isAnswer: boolean): void => {
    sockets.add(from);
    let sent: Promise<unknown> = Promise.resolve();
    /** Does something once all that was sent before has gone, and no sooner than its delay is over. */
    const inOrder = (act: () => void): void => {
      const [before, dueMs] = [sent, performance.now() + delayMs];
      sent = (async () => {
        await before;
        const waitMs = dueMs - performance.now();
        if (waitMs > 0) await sleep(waitMs);
        act();
      })();
    };
    from.on('data', (data) => {
      if (isAnswer && state === 'deaf') {
        into.destroy();
        lost.happened();
        return;
      }
      inOrder(() => {
        into.write(data);
        if (isAnswer && isBeginning(data)) passed.happened();
      });
    });
    from.on('close', () => {
      sockets.delete(from);
      inOrder(() => into.destroy());
    });
    from.on('error', () => into.destroy());
  };
  const server = createServer((client) => {
    if (state === 'cut') {
      client.destroy();
      return;
    }
    const upstream = createConnection(port, '127.0.0.1');
    join(client, upstream, false);
    join(upstream, client, true);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    state = 'cut';
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    loseAnswers: () => void (state = 'deaf'),
    mend: () => void (state = 'well'),
    delay: (ms) => void (delayMs = ms),
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
