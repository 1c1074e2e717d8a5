/** Creates what a fresh deployment needs through its own public API, as an operator would. */
export class AdminClient {
  readonly #url: string;
  readonly #adminKey: string;

  constructor(url: string, adminKey: string) {
    this.#url = url;
    this.#adminKey = adminKey;
  }

  /** Creates a resource; the same `idempotencyKey` answers the same one. */
  async create<T>(path: string, body: object, idempotencyKey?: string): Promise<T> {
    return this.#send('POST', path, body, idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey });
  }

  async put<T>(path: string, body: object): Promise<T> {
    return this.#send('PUT', path, body, {});
  }

  async change<T>(path: string, body: object): Promise<T> {
    return this.#send('PATCH', path, body, {});
  }

  async #send<T>(method: string, path: string, body: object, headers: Record<string, string>): Promise<T> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#adminKey}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  }
}
