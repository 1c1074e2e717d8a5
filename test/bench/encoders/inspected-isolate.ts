import { once } from 'node:events';
import { setTimeout as waited } from 'node:timers/promises';

interface Answer {
  readonly id: number;
  readonly result: { readonly usedSize: number; readonly backingStorageSize: number };
}

const LOOK_EVERY_MS = 5;

/** An isolate of a workerd that runs with `--inspector-addr`, over the protocol of debuggers. */
export class InspectedIsolate {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer;
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
  }

  /** `service`: as the configuration names the Worker. */
  static async open(port: number, service: string): Promise<InspectedIsolate> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/${service}`);
    await once(socket, 'open');
    const isolate = new InspectedIsolate(socket);
    await isolate.#call('HeapProfiler.enable');
    return isolate;
  }

  /** Bytes that are left once garbage is collected, which a snapshot does; workerd does not answer a request for that alone. */
  async live(): Promise<number> {
    await this.#call('HeapProfiler.takeHeapSnapshot');
    return this.#bytes();
  }

  /** As V8 counts them, of objects and of arrays of bytes; memories of WebAssembly are not among them. */
  async #bytes(): Promise<number> {
    const { result } = await this.#call('Runtime.getHeapUsage');
    return result.usedSize + result.backingStorageSize;
  }

  /** Does work and answers the most that the isolate had meanwhile, garbage included, as looked at whenever it lets others have their turn. */
  async mostDuring(work: () => Promise<unknown>): Promise<number> {
    const state = { isOver: false };
    const over = work().finally(() => (state.isOver = true));
    let most = 0;
    while (!state.isOver) {
      most = Math.max(most, await this.#bytes());
      await waited(LOOK_EVERY_MS);
    }
    await over;
    return most;
  }

  close(): void {
    this.#socket.close();
  }

  #call(method: string): Promise<Answer> {
    const id = (this.#calls += 1);
    const answered = new Promise<Answer>((resolve) => void this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ id, method }));
    return answered;
  }
}
