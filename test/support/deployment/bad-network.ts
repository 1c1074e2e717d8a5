import { createConnection, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';

/** A network between clients and a server that can be cut, and made slow. */
export interface BadNetwork {
  readonly url: string;
  /** Ends all connections in the middle of what they carry, and lets none through until it is `mend`ed. */
  cut(): void;
  mend(): void;
  /** Holds back each piece of data for as long. */
  delay(ms: number): void;
  close(): Promise<void>;
}

export async function badNetwork(to: string): Promise<BadNetwork> {
  const port = Number(new URL(to).port);
  const sockets = new Set<Socket>();
  let [isCut, delayMs] = [false, 0];
  const join = (from: Socket, into: Socket): void => {
    sockets.add(from);
    from.on('data', (data) => (delayMs === 0 ? into.write(data) : setTimeout(() => into.write(data), delayMs)));
    from.on('close', () => {
      sockets.delete(from);
      into.destroy();
    });
    from.on('error', () => into.destroy());
  };
  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    const upstream = createConnection(port, '127.0.0.1');
    join(client, upstream);
    join(upstream, client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    mend: () => (isCut = false),
    delay: (ms) => (delayMs = ms),
    close: async () => {
      cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
